import type { Clock } from '@tulle/core'

/**
 * A deadline that moves with every request. The timer behind it stays as it is when the deadline moves away, and looks again
 * when it fires: a connection that is used all the time sets a timer once in its idle time.
 */
export class Deadline {
  readonly #clock: Clock
  readonly #passed: () => void
  #dueMs = Infinity
  #timer: Disposable | undefined
  #timerDueMs = Infinity

  constructor(clock: Clock, passed: () => void) {
    this.#clock = clock
    this.#passed = passed
  }

  /** Moves it to `ms` from now, in place of what was set before. */
  set(ms: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#dueMs = nowMs + ms
    if (this.#dueMs < this.#timerDueMs) this.#arm(nowMs)
  }

  /** There is none until it is set again. */
  clear(): void {
    this.#dueMs = Infinity
  }

  /** Leaves no timer. */
  close(): void {
    this.#dueMs = Infinity
    this.#timerDueMs = Infinity
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  #arm(nowMs: number): void {
    this.#timer?.[Symbol.dispose]()
    this.#timerDueMs = this.#dueMs
    this.#timer = this.#clock.after(this.#dueMs - nowMs, () => this.#fire())
  }

  #fire(): void {
    this.#timer = undefined
    this.#timerDueMs = Infinity
    if (this.#dueMs === Infinity) return
    const nowMs = this.#clock.monotonicMs()
    if (this.#dueMs > nowMs) {
      this.#arm(nowMs)
      return
    }
    this.#dueMs = Infinity
    this.#passed()
  }
}
