import type { Clock } from '@tulle/core'
import type { RequestRecord } from '@tulle/l7'
import type { TapTest } from './tap-filter.ts'
import { tappedRequest } from './tapped-request.ts'
import type { TappedRequest } from './tapped-request.ts'

/** One line of a tap. */
export type TapLine =
  | TappedRequest
  /** So many more that match were left out since the line before: there were too many, or the reader is slow. */
  | { readonly dropped: number }

/** Who reads slower than this lies behind loses what comes. */
const maxPending = 1000
/** How many may look at once; each costs its filter for each request. */
export const maxTaps = 8
const secondMs = 1000

/** Live requests for those who look, and nothing where nobody does. Of many requests a second it passes on a bounded number. */
export class RequestTap {
  readonly #clock: Clock
  readonly #readers: Set<Reader> = new Set()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get readers(): number {
    return this.#readers.size
  }

  onDone(record: RequestRecord): void {
    if (this.#readers.size === 0) return
    let tapped: TappedRequest | undefined
    for (const reader of this.#readers)
      if (reader.wants(record)) reader.push((tapped ??= tappedRequest(record, this.#clock.nowMs())))
  }

  /** Lines until the signal aborts or the reader stops; undefined: enough others look already. */
  open(
    options: { readonly test: TapTest; readonly maxPerSecond: number },
    signal: AbortSignal,
  ): AsyncGenerator<TapLine, void, void> | undefined {
    if (this.#readers.size >= maxTaps) return undefined
    const reader = new Reader(options.test, options.maxPerSecond, this.#clock)
    const end = (): void => {
      this.#readers.delete(reader)
      reader[Symbol.dispose]()
    }
    if (!signal.aborted) this.#readers.add(reader)
    signal.addEventListener('abort', end, { once: true })
    return linesOf(reader, signal, end)
  }
}

async function* linesOf(
  reader: Reader,
  signal: AbortSignal,
  end: () => void,
): AsyncGenerator<TapLine, void, void> {
  try {
    while (!signal.aborted) {
      yield* reader.takeAll()
      if (!signal.aborted) await reader.changed()
    }
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}

/** One who looks. */
class Reader {
  readonly #test: TapTest
  readonly #maxPerSecond: number
  readonly #clock: Clock
  #pending: TappedRequest[] = []
  #dropped: number = 0
  #secondStartMs: number = Number.NEGATIVE_INFINITY
  #inSecond: number = 0
  /** Tells of what was dropped when nothing comes after it. */
  #tell: Disposable | undefined
  #wake: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(test: TapTest, maxPerSecond: number, clock: Clock) {
    this.#test = test
    this.#maxPerSecond = maxPerSecond
    this.#clock = clock
  }

  /** Whether it matches and may be passed on; where it only matches it is counted. */
  wants(record: RequestRecord): boolean {
    if (!this.#test(record)) return false
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#secondStartMs >= secondMs) {
      this.#secondStartMs = nowMs
      this.#inSecond = 0
    }
    if (this.#inSecond < this.#maxPerSecond && this.#pending.length < maxPending) return true
    this.#dropped++
    this.#tell ??= this.#clock.after(secondMs, () => this.wake())
    return false
  }

  push(request: TappedRequest): void {
    this.#inSecond++
    this.#pending.push(request)
    this.wake()
  }

  *takeAll(): Generator<TapLine, void, void> {
    const pending = this.#pending
    const dropped = this.#dropped
    this.#pending = []
    this.#dropped = 0
    this.#tell?.[Symbol.dispose]()
    this.#tell = undefined
    this.#wake = Promise.withResolvers()
    yield* pending
    if (dropped > 0) yield { dropped }
  }

  async changed(): Promise<void> {
    await this.#wake.promise
  }

  wake(): void {
    this.#wake.resolve()
  }

  /** Nothing comes any more: who waits is woken. */
  [Symbol.dispose](): void {
    this.#tell?.[Symbol.dispose]()
    this.wake()
  }
}
