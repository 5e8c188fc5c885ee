import { createBalancer, RateLimiter, RetryBudget, defaultRetryBudget } from '@tulle/balance'
import { seededRng, systemClock } from '@tulle/core'
import { defaultOutliers } from '@tulle/traffic'
import type { Work } from './micro-bench.ts'

/** A pick, and a whole attempt (pick, begin, answered, finished), with measured endpoints and outlier detection on. */
export function pickWorks(): readonly Work[] {
  return [...[10, 1000].flatMap((size) => [picking(size, 1), picking(size, 3), attempts(size)]), ...small()]
}

function filled(size: number, weights: number): ReturnType<typeof createBalancer> {
  const deps = { clock: systemClock, rng: seededRng(1) }
  const balancer = createBalancer({ outliers: defaultOutliers }, deps)
  balancer.replace(
    Array.from({ length: size }, (_, index) => ({
      key: `e${index}`,
      ready: true,
      weight: 1 + (index % weights),
    })),
  )
  for (const endpoint of balancer.endpoints) {
    const attempt = balancer.begin(endpoint)
    balancer.answered(attempt, 'ok')
    balancer.finished(attempt)
  }
  return balancer
}

function picking(size: number, weights: number): Work {
  const balancer = filled(size, weights)
  return {
    name: `pick of ${size} endpoints${weights === 1 ? '' : ', weights 1 to 3'}`,
    step(count) {
      let found = 0
      for (let index = 0; index < count; index++) if (balancer.pick() !== undefined) found++
      return found
    },
  }
}

function attempts(size: number): Work {
  const balancer = filled(size, 1)
  return {
    name: `attempt at one of ${size} endpoints: pick to finished`,
    step(count) {
      let found = 0
      for (let index = 0; index < count; index++) {
        const endpoint = balancer.pick()
        if (endpoint === undefined) continue
        const attempt = balancer.begin(endpoint)
        balancer.answered(attempt, 'ok')
        balancer.finished(attempt)
        found++
      }
      return found
    },
  }
}

function small(): readonly Work[] {
  const limiter = new RateLimiter({ requestsPerSecond: 1e9, burst: 1e6, per: 'identity' }, systemClock)
  const budget = new RetryBudget(defaultRetryBudget, systemClock)
  return [
    {
      name: 'rate limiter, 100 callers',
      step(count) {
        let passed = 0
        for (let index = 0; index < count; index++) if (limiter.take(`c${index % 100}`) === 0) passed++
        return passed
      },
    },
    {
      name: 'retry budget, a request and a repeat',
      step(count) {
        let allowed = 0
        for (let index = 0; index < count; index++) {
          budget.request()
          if (budget.tryRepeat()) allowed++
        }
        return allowed
      },
    },
  ]
}
