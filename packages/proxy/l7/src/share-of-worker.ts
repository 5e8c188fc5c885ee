import { defaultRetryBudget } from '@tulle/balance'
import type { RateLimit, Resilience } from '@tulle/traffic'

/**
 * What one of several workers may let through, so that all of them together let through no more than is said, but for
 * rounding up: each counts by itself, and what cannot be divided further is one for each.
 */
export function shareOfRate(limit: RateLimit, workers: number): RateLimit {
  if (workers === 1) return limit
  const { requestsPerSecond, burst, per } = limit
  return { requestsPerSecond: requestsPerSecond / workers, burst: Math.ceil(burst / workers), per }
}

/**
 * The same of what a service may use of a proxy. Rates keep their object, by which they are known. Shares of what a worker
 * sees itself (of its requests, of its endpoints) are the same in each.
 */
export function shareOfResilience(resilience: Resilience, workers: number): Resilience {
  if (workers === 1) return resilience
  const { limits, retryBudget = defaultRetryBudget } = resilience
  return {
    ...resilience,
    ...(limits === undefined
      ? {}
      : {
          limits: {
            maxConnections: Math.ceil(limits.maxConnections / workers),
            maxRequests: Math.ceil(limits.maxRequests / workers),
            maxPending: Math.ceil(limits.maxPending / workers),
          },
        }),
    retryBudget: { ...retryBudget, minPerSecond: retryBudget.minPerSecond / workers },
  }
}
