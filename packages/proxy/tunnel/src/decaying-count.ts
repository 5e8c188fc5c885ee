import type { Clock } from '@tulle/core'

/** Counts what happens, and forgets half of it in each half life. Never above `max`, so that it has forgotten after a known time. */
export class DecayingCount {
  readonly #clock: Clock
  readonly #halfLifeMs: number
  readonly #max: number
  #count: number = 0
  #atMs: number

  constructor(clock: Clock, halfLifeMs: number, max: number) {
    this.#clock = clock
    this.#halfLifeMs = halfLifeMs
    this.#max = max
    this.#atMs = clock.monotonicMs()
  }

  get value(): number {
    const nowMs = this.#clock.monotonicMs()
    this.#count *= 0.5 ** ((nowMs - this.#atMs) / this.#halfLifeMs)
    this.#atMs = nowMs
    return this.#count
  }

  add(): void {
    this.#count = Math.min(this.#max, this.value + 1)
  }
}
