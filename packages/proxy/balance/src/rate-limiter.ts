import type { Clock } from '@tulle/core'
import type { RateLimit } from '@tulle/traffic'

/** Callers that are told apart at a time. */
export const maxRateKeys = 10_000
/** Keys that are looked at for each new one, oldest first, whether they can be forgotten. */
const keysPerSweep = 4

/**
 * Requests a second, with bursts (GCRA: for each caller one number, the time at which its next request would be due if it
 * kept to the rate). Per identity each caller has the whole rate to itself, and none can use up another's. A caller that
 * has been quiet is forgotten, which changes nothing; beyond ten thousand busy ones, new ones share one allowance.
 */
export class RateLimiter {
  readonly #clock: Clock
  readonly #perIdentity: boolean
  readonly #intervalMs: number
  readonly #toleranceMs: number
  readonly #maxKeys: number
  /** When the next request of a caller is due, by caller. */
  readonly #due: Map<string, number> = new Map()
  #sharedDueMs: number = 0

  constructor(limit: RateLimit, clock: Clock, maxKeys: number = maxRateKeys) {
    this.#clock = clock
    this.#perIdentity = limit.per === 'identity'
    this.#intervalMs = limit.requestsPerSecond > 0 ? 1000 / limit.requestsPerSecond : Infinity
    this.#toleranceMs = (Math.max(1, limit.burst) - 1) * this.#intervalMs
    this.#maxKeys = maxKeys
  }

  /** Callers that are remembered. */
  get keys(): number {
    return this.#due.size
  }

  /** 0: let the request through. Else it is refused (429), and would be let through after so many milliseconds. */
  take(identity: string): number {
    if (this.#intervalMs === Infinity) return Infinity
    const nowMs = this.#clock.monotonicMs()
    const known = this.#perIdentity ? this.#due.get(identity) : undefined
    if (known === undefined && (!this.#perIdentity || !this.#hasRoom(nowMs))) return this.#takeShared(nowMs)
    const waitMs = this.#waitMs(known ?? nowMs, nowMs)
    if (waitMs === 0) this.#due.set(identity, Math.max(known ?? nowMs, nowMs) + this.#intervalMs)
    return waitMs
  }

  #takeShared(nowMs: number): number {
    const waitMs = this.#waitMs(this.#sharedDueMs, nowMs)
    if (waitMs === 0) this.#sharedDueMs = Math.max(this.#sharedDueMs, nowMs) + this.#intervalMs
    return waitMs
  }

  #waitMs(dueMs: number, nowMs: number): number {
    return Math.max(0, dueMs - this.#toleranceMs - nowMs)
  }

  #hasRoom(nowMs: number): boolean {
    let looked = 0
    for (const [key, dueMs] of this.#due) {
      if (looked++ === keysPerSweep) break
      this.#due.delete(key)
      // Busy ones go to the back, so that the next sweep looks at others.
      if (dueMs > nowMs) this.#due.set(key, dueMs)
    }
    return this.#due.size < this.#maxKeys
  }
}
