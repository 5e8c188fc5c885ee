import type { Clock } from '@tulle/core'
import type { TappedRequest } from './tapped-request.ts'

/** One line of a tap. */
export type TapLine =
  | TappedRequest
  /** So many more that match were left out since the line before: there were too many, or the reader is slow. */
  | { readonly dropped: number }

/** Who reads slower than this lies behind loses what comes. */
const maxPending = 1000
const secondMs = 1000

/** What waits for one who reads: of requests a bounded number a second, and at a time. What is left out is counted. */
export class TapLines implements Disposable {
  readonly #maxPerSecond: number
  readonly #clock: Clock
  #pending: TapLine[] = []
  #dropped: number = 0
  #secondStartMs: number = Number.NEGATIVE_INFINITY
  #inSecond: number = 0
  /** Tells of what was dropped when nothing comes after it. */
  #tell: Disposable | undefined
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(maxPerSecond: number, clock: Clock) {
    this.#maxPerSecond = maxPerSecond
    this.#clock = clock
  }

  /** Whether another request may be passed on; where it may not, it is counted. */
  hasRoom(): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#secondStartMs >= secondMs) {
      this.#secondStartMs = nowMs
      this.#inSecond = 0
    }
    if (this.#inSecond < this.#maxPerSecond && this.#pending.length < maxPending) return true
    this.#dropped++
    this.#tell ??= this.#clock.after(secondMs, () => this.#wake.resolve())
    return false
  }

  push(request: TappedRequest): void {
    this.#inSecond++
    this.#pending.push(request)
    this.#wake.resolve()
  }

  /** So many were left out before they came here. */
  leftOut(requests: number): void {
    this.#dropped += requests
    this.#wake.resolve()
  }

  takeAll(): readonly TapLine[] {
    const lines = this.#pending
    if (this.#dropped > 0) lines.push({ dropped: this.#dropped })
    this.#pending = []
    this.#dropped = 0
    this.#tell?.[Symbol.dispose]()
    this.#tell = undefined
    this.#wake = Promise.withResolvers()
    return lines
  }

  /** Resolves when there is something to take, or never will be. */
  async changed(): Promise<void> {
    await this.#wake.promise
  }

  /** Nothing comes any more: who waits is woken. */
  [Symbol.dispose](): void {
    this.#tell?.[Symbol.dispose]()
    this.#wake.resolve()
  }
}
