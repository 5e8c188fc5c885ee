import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultRetryBudget, RateLimiter } from '@tulle/balance'
import { TestClock } from '@tulle/core'
import type { Resilience } from '@tulle/traffic'
import { shareOfRate, shareOfResilience } from './share-of-worker.ts'

const rate = { requestsPerSecond: 100, burst: 5, per: 'service' } as const
const limits = { maxConnections: 5, maxRequests: 1, maxPending: 0 }
const retryBudget = { percent: 20, windowMs: 10_000, minPerSecond: 1 }
const resilience: Resilience = { rateLimit: rate, limits, retryBudget }

test('shareOfRate() lets all workers together have the rate, and a burst but for rounding up', async () => {
  assert.equal(shareOfRate(rate, 1), rate)
  const clock = new TestClock()
  const limiters = [1, 2].map(() => new RateLimiter(shareOfRate(rate, 2), clock))
  const passed = (): number => {
    let count = 0
    for (const limiter of limiters) while (limiter.take('') === 0) count++
    return count
  }
  assert.equal(passed(), 6)
  let inSecond = 0
  for (let ms = 0; ms < 1000; ms += 10) {
    await clock.advance(10)
    inSecond += passed()
  }
  assert.equal(inSecond, 100)
})

test('shareOfResilience() divides what is counted in numbers, and nothing else', () => {
  assert.equal(shareOfResilience(resilience, 1), resilience)
  const share = shareOfResilience(resilience, 2)
  assert.deepEqual(share.limits, { maxConnections: 3, maxRequests: 1, maxPending: 0 })
  assert.deepEqual(share.retryBudget, { ...retryBudget, minPerSecond: 0.5 })
  assert.equal(share.rateLimit, rate, 'one object for all who count by it')
  assert.deepEqual(shareOfResilience({}, 2), { retryBudget: { ...defaultRetryBudget, minPerSecond: 5 } })
})
