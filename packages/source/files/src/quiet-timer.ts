import type { Clock } from '@tulle/core'

export interface QuietTimerOptions {
  readonly clock: Clock
  readonly quietMs: number
  readonly maxQuietMs: number
  readonly run: () => void
}

/** Runs something once nothing has happened for a short time, or too much for a long one. */
export class QuietTimer implements Disposable {
  readonly #options: QuietTimerOptions
  #firstMs: number | undefined
  #timer: Disposable | undefined

  constructor(options: QuietTimerOptions) {
    this.#options = options
  }

  /** Something happened. */
  poke(): void {
    const { clock, quietMs, maxQuietMs } = this.#options
    const nowMs = clock.monotonicMs()
    this.#firstMs ??= nowMs
    this.#timer?.[Symbol.dispose]()
    const waitMs = Math.max(0, Math.min(quietMs, this.#firstMs + maxQuietMs - nowMs))
    this.#timer = clock.after(waitMs, () => this.#fire())
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#firstMs = undefined
  }

  #fire(): void {
    this[Symbol.dispose]()
    this.#options.run()
  }
}
