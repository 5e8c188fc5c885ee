import type { Clock } from '@tulle/core'

/** Callers' node proxies that have not heard yet, and what runs, have so long. */
const latelyMs = 30_000

/** The services and workloads that callers come here for, and those that they came for until lately. */
export class BoundKeys {
  readonly #clock: Clock
  readonly #now: Set<string> = new Set()
  /** Until when, in monotonic milliseconds; the first to go first. */
  readonly #lately: Map<string, number> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(key: string): void {
    this.#now.add(key)
    this.#lately.delete(key)
  }

  has(key: string): boolean {
    return this.#now.has(key)
  }

  wasLately(key: string): boolean {
    return (this.#lately.get(key) ?? 0) > this.#clock.monotonicMs()
  }

  /** These may have changed. */
  update(keys: readonly string[], isBound: (key: string) => boolean): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [key, untilMs] of this.#lately) {
      if (untilMs > nowMs) break
      this.#lately.delete(key)
    }
    for (const key of keys) {
      if (!this.#now.has(key) || isBound(key)) continue
      this.#now.delete(key)
      this.#lately.set(key, nowMs + latelyMs)
    }
  }
}
