import { flushThisTurn } from '@tulle/core'
import type { Clock, Flushable } from '@tulle/core'

/** A clock that is looked at once in each turn of the event loop: a request asks eight times what time it is. */
export function turnClock(clock: Clock): Clock {
  const turn = new Turn(clock)
  return {
    ...clock,
    nowMs: () => turn.nowMs,
    monotonicMs: () => turn.monotonicMs,
  }
}

/** Both times, as they were when this turn's first question was asked. */
class Turn implements Flushable {
  readonly #clock: Clock
  #isKnown: boolean = false
  #nowMs: number = 0
  #monotonicMs: number = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get nowMs(): number {
    if (!this.#isKnown) this.#look()
    return this.#nowMs
  }

  get monotonicMs(): number {
    if (!this.#isKnown) this.#look()
    return this.#monotonicMs
  }

  flushTurn(): void {
    this.#isKnown = false
  }

  #look(): void {
    this.#isKnown = true
    this.#nowMs = this.#clock.nowMs()
    this.#monotonicMs = this.#clock.monotonicMs()
    flushThisTurn(this)
  }
}
