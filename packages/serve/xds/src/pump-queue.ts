import type { Clock } from '@tulle/core'

export interface PumpQueueOptions {
  readonly clock: Clock
  /** How long one turn of the event loop may be held. */
  readonly maxTurnMs: number
}

/**
 * Work of many streams, each in its turn: one after the other in the order in which they asked, and no longer at a
 * time than what else goes on can wait.
 */
export class PumpQueue<T> implements Disposable {
  readonly #options: PumpQueueOptions
  readonly #run: (item: T) => void
  readonly #due: Set<T> = new Set()
  #scheduled: boolean = false

  constructor(options: PumpQueueOptions, run: (item: T) => void) {
    this.#options = options
    this.#run = run
  }

  /** Its turn comes after this turn of the event loop: what arrives together is done together. */
  add(item: T): void {
    this.#due.add(item)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#turn())
  }

  delete(item: T): void {
    this.#due.delete(item)
  }

  [Symbol.dispose](): void {
    this.#due.clear()
  }

  #turn(): void {
    const { clock, maxTurnMs } = this.#options
    const endMs = clock.monotonicMs() + maxTurnMs
    this.#scheduled = false
    for (const item of this.#due) {
      this.#due.delete(item)
      this.#run(item)
      if (clock.monotonicMs() >= endMs) break
    }
    if (this.#due.size === 0 || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#turn())
  }
}
