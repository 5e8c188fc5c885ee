import type { Clock } from '@tulle/core'
import type { RetryBudget as RetryBudgetConfig } from '@tulle/traffic'
import { SlidingCount } from './sliding-count.ts'

/** @see Gateway API, GEP-3388: 20 % over 10 s, and 10 a second in any case. */
export const defaultRetryBudget: RetryBudgetConfig = { percent: 20, windowMs: 10_000, minPerSecond: 10 }

const secondMs = 1000

/** A rate as whole repeats in a time: 0.2 a second is one in five, 1.5 are two in four thirds of a second. */
function wholeOf(perSecond: number): { readonly count: number; readonly spanMs: number } {
  const count = Math.ceil(perSecond)
  return { count, spanMs: count === 0 ? secondMs : (count * secondMs) / perSecond }
}

/**
 * How many repeats a service may get, all its callers together: what keeps a failing service from being drowned in them.
 * A repeat is allowed while those of the last window, it included, are at most the percentage of that window's requests,
 * or while they come no faster than the minimum. Never more, whatever happened before.
 */
export class RetryBudget {
  readonly #config: RetryBudgetConfig
  readonly #clock: Clock
  readonly #requests: SlidingCount
  readonly #repeats: SlidingCount
  readonly #leastCount: number
  readonly #repeatsOfLeast: SlidingCount
  #exhausted: number = 0

  constructor(config: RetryBudgetConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
    this.#requests = new SlidingCount(config.windowMs)
    this.#repeats = new SlidingCount(config.windowMs)
    const { count, spanMs } = wholeOf(config.minPerSecond)
    this.#leastCount = count
    this.#repeatsOfLeast = new SlidingCount(spanMs)
  }

  /** How often it was used up. */
  get exhausted(): number {
    return this.#exhausted
  }

  /** A request came in: once a request, however often it is repeated. */
  request(): void {
    this.#requests.add(this.#clock.monotonicMs())
  }

  /** Takes one repeat, or one hedge, from the budget; false where it is used up: then the answer is 503 (GEP-3388). */
  tryRepeat(): boolean {
    const nowMs = this.#clock.monotonicMs()
    const byShare = (this.#requests.atLeast(nowMs) * this.#config.percent) / 100
    const isAllowed =
      this.#repeats.atMost(nowMs) + 1 <= byShare || this.#repeatsOfLeast.atMost(nowMs) + 1 <= this.#leastCount
    if (!isAllowed) {
      this.#exhausted++
      return false
    }
    this.#repeats.add(nowMs)
    this.#repeatsOfLeast.add(nowMs)
    return true
  }
}
