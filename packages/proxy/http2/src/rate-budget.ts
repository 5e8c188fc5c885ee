import type { Clock } from '@tulle/core'
import type { RateLimit } from './limits.ts'

/** A bucket of tokens for things a peer may do, but not in floods. Full at the start. */
export class RateBudget {
  readonly #limit: RateLimit
  readonly #clock: Clock
  #tokens: number
  #filledMs: number

  constructor(limit: RateLimit, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
    this.#tokens = limit.burst
    this.#filledMs = clock.monotonicMs()
  }

  /** Takes one; false when there is none. */
  take(): boolean {
    if (this.#tokens < 1) this.#fill()
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs()
    const earned = ((nowMs - this.#filledMs) / 1000) * this.#limit.perSecond
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + earned)
    this.#filledMs = nowMs
  }
}
