import type { Clock } from '@tulle/core'

/** Nothing is incomplete. */
export const nothingBegun = -1

/**
 * When a frame or a header block that has begun has to be there. The timer is left as it is when that comes whole, and looks
 * again when it fires: most frames that are split over two reads are there with the second.
 */
export class FrameDeadline {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #passed: () => void
  #begun: number = nothingBegun
  #sinceMs = 0
  #timer: Disposable | undefined

  constructor(clock: Clock, timeoutMs: number, passed: () => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#passed = passed
  }

  /** Told behind each read what is incomplete, by a number that nothing else of the session has. */
  see(begun: number): void {
    if (begun === this.#begun) return
    this.#begun = begun
    if (begun === nothingBegun) return
    this.#sinceMs = this.#clock.monotonicMs()
    if (this.#timer === undefined) this.#arm(this.#timeoutMs)
  }

  close(): void {
    this.#begun = nothingBegun
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.after(ms, () => this.#look())
  }

  #look(): void {
    this.#timer = undefined
    if (this.#begun === nothingBegun) return
    const leftMs = this.#sinceMs + this.#timeoutMs - this.#clock.monotonicMs()
    if (leftMs > 0) this.#arm(leftMs)
    else this.#passed()
  }
}
