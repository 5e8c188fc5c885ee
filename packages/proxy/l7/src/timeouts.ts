import type { Clock } from '@tulle/core'

/** One wait. It ends by `Timeouts.end`, or when it is late. */
export interface Timeout {
  readonly dueMs: number
  readonly onLate: () => void
  readonly queue: TimeoutQueue
}

/**
 * Waits of few lengths: those of one length are in the order of their ends already, so that one timer serves them all and a
 * request pays for a place in a set. Lengths come from configuration, never from a peer.
 */
export class Timeouts {
  readonly #clock: Clock
  readonly #queues: Map<number, TimeoutQueue> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(timeoutMs: number, onLate: () => void): Timeout {
    let queue = this.#queues.get(timeoutMs)
    if (queue === undefined) {
      queue = new TimeoutQueue(this.#clock, timeoutMs, () => this.#queues.delete(timeoutMs))
      this.#queues.set(timeoutMs, queue)
    }
    return queue.begin(onLate)
  }

  end(timeout: Timeout): void {
    timeout.queue.waiting.delete(timeout)
  }
}

class TimeoutQueue {
  readonly waiting: Set<Timeout> = new Set()
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #onEmpty: () => void
  #armed: boolean = false

  constructor(clock: Clock, timeoutMs: number, onEmpty: () => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#onEmpty = onEmpty
  }

  begin(onLate: () => void): Timeout {
    const timeout = { dueMs: this.#clock.monotonicMs() + this.#timeoutMs, onLate, queue: this }
    this.waiting.add(timeout)
    if (!this.#armed) this.#arm(this.#timeoutMs)
    return timeout
  }

  #arm(ms: number): void {
    this.#armed = true
    this.#clock.after(ms, () => this.#onTimer())
  }

  #onTimer(): void {
    const nowMs = this.#clock.monotonicMs()
    // What begins meanwhile comes last, and is not due yet.
    for (const timeout of this.waiting) {
      if (timeout.dueMs > nowMs) {
        // Timers may be early by a fraction of a millisecond.
        this.#arm(Math.max(1, timeout.dueMs - nowMs))
        return
      }
      this.waiting.delete(timeout)
      timeout.onLate()
    }
    this.#armed = false
    this.#onEmpty()
  }
}
