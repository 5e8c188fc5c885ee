import type { Clock, SleepOptions } from './clock.ts'

/**
 * For tests: tells whether whoever has it pauses. What else they do takes turns of the event loop, on a busy machine so many that
 * tokens and rates would be over: a test that moves time only while they pause decides nothing by the machine's speed.
 */
export class PausingClock implements Clock {
  readonly #clock: Clock
  #pauses: number = 0
  #over: number = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many pauses have begun. */
  get pauses(): number {
    return this.#pauses
  }

  get isPausing(): boolean {
    return this.#pauses > this.#over
  }

  nowMs(): number {
    return this.#clock.nowMs()
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  async sleep(ms: number, options?: SleepOptions): Promise<void> {
    this.#pauses++
    try {
      await this.#clock.sleep(ms, options)
    } finally {
      this.#over++
    }
  }

  after(ms: number, run: () => void): Disposable {
    return this.#clock.after(ms, run)
  }

  every(ms: number, run: () => void): Disposable {
    return this.#clock.every(ms, run)
  }
}
