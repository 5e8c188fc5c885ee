import type { Clock } from '@tulle/core'

/** One wait. It ends by `Deadlines.end`, or when it is late. */
export interface Deadline {
  readonly dueMs: number
  readonly onLate: () => void
}

/**
 * Waits of one length, all on one timer: a timer of its own would cost a connection more than its place in a set. The
 * timer runs out by itself after the last wait.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** The oldest first, since all are of one length. */
  readonly #waiting: Set<Deadline> = new Set()
  #armed: boolean = false

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  begin(onLate: () => void): Deadline {
    const deadline = { dueMs: this.#clock.monotonicMs() + this.#timeoutMs, onLate }
    this.#waiting.add(deadline)
    if (!this.#armed) this.#arm(this.#timeoutMs)
    return deadline
  }

  end(deadline: Deadline): void {
    this.#waiting.delete(deadline)
  }

  #arm(ms: number): void {
    this.#armed = true
    this.#clock.after(ms, () => this.#onTimer())
  }

  #onTimer(): void {
    const nowMs = this.#clock.monotonicMs()
    // What begins meanwhile comes last, and is not due yet.
    for (const deadline of this.#waiting) {
      if (deadline.dueMs > nowMs) {
        // Timers may be early by a fraction of a millisecond.
        this.#arm(Math.max(1, deadline.dueMs - nowMs))
        return
      }
      this.#waiting.delete(deadline)
      deadline.onLate()
    }
    this.#armed = false
  }
}
