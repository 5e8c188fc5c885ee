import type { Clock } from '@tulle/core'

export interface RateLimitOptions {
  /** How many may come at once. */
  readonly burst: number
  /** How many come back per second. */
  readonly perSecond: number
  /** How many callers are remembered; the longest unseen goes first. */
  readonly maxCallers: number
}

interface Bucket {
  tokens: number
  atMs: number
}

/** A token bucket a caller. */
export class RateLimit {
  readonly #options: RateLimitOptions
  readonly #clock: Clock
  /** In the order of last use. */
  readonly #buckets: Map<string, Bucket> = new Map()

  constructor(options: RateLimitOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** Whether this caller may go on; counts it if so. */
  take(caller: string): boolean {
    const { burst, perSecond, maxCallers } = this.#options
    const nowMs = this.#clock.monotonicMs()
    const bucket = this.#buckets.get(caller) ?? { tokens: burst, atMs: nowMs }
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond)
    bucket.atMs = nowMs
    this.#buckets.delete(caller)
    this.#buckets.set(caller, bucket)
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= maxCallers) break
      this.#buckets.delete(oldest)
    }
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}
