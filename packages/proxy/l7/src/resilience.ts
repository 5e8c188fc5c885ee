import { Breaker, defaultRetryBudget, RateLimiter, RetryBudget } from '@tulle/balance'
import type { Clock } from '@tulle/core'
import type { RateLimit, Resilience } from '@tulle/traffic'
import { shareOfRate } from './share-of-worker.ts'

/** What a service may use and repeat: one account of it in each thread, for all of its callers. */
export class ServiceResilience {
  readonly config: Resilience
  readonly breaker: Breaker
  readonly budget: RetryBudget

  constructor(config: Resilience, clock: Clock) {
    this.config = config
    this.breaker = new Breaker(config.limits)
    this.budget = new RetryBudget(config.retryBudget ?? defaultRetryBudget, clock)
  }
}

/** A limiter for each rate that is attached somewhere, one in each thread. It is let go of with its configuration. */
export class Rates {
  readonly #clock: Clock
  readonly #workers: number
  readonly #limiters: WeakMap<RateLimit, RateLimiter> = new WeakMap()

  /** `workers`: that a rate is divided among. */
  constructor(clock: Clock, workers: number = 1) {
    this.#clock = clock
    this.#workers = workers
  }

  of(limit: RateLimit): RateLimiter {
    const known = this.#limiters.get(limit)
    if (known !== undefined) return known
    const made = new RateLimiter(shareOfRate(limit, this.#workers), this.#clock)
    this.#limiters.set(limit, made)
    return made
  }
}
