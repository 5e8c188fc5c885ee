import type { Clock } from '@tulle/core'
import type { RequestRecord } from '@tulle/l7'
import type { TapTest } from './tap-filter.ts'
import { TapLines } from './tap-lines.ts'
import type { TapLine } from './tap-lines.ts'
import { tappedRequest } from './tapped-request.ts'
import type { TappedRequest } from './tapped-request.ts'

/** How many may look at once; each costs its filter for each request. */
export const maxTaps = 8

interface Reader {
  readonly test: TapTest
  readonly lines: TapLines
}

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
    for (const { test, lines } of this.#readers)
      if (test(record) && lines.hasRoom()) lines.push((tapped ??= tappedRequest(record, this.#clock.nowMs())))
  }

  /** What came since the last time, until the signal aborts or the reader stops; undefined: enough others look already. */
  open(
    options: { readonly test: TapTest; readonly maxPerSecond: number },
    signal: AbortSignal,
  ): AsyncGenerator<readonly TapLine[], void, void> | undefined {
    if (this.#readers.size >= maxTaps) return undefined
    const lines = new TapLines(options.maxPerSecond, this.#clock)
    const reader = { test: options.test, lines }
    const end = (): void => {
      this.#readers.delete(reader)
      lines[Symbol.dispose]()
    }
    if (!signal.aborted) this.#readers.add(reader)
    signal.addEventListener('abort', end, { once: true })
    return takenFrom(lines, signal, end)
  }
}

/** As long as the signal does not abort. `end`: what to do when nobody reads any more. */
export async function* takenFrom(
  lines: TapLines,
  signal: AbortSignal,
  end: () => void,
): AsyncGenerator<readonly TapLine[], void, void> {
  try {
    while (!signal.aborted) {
      const taken = lines.takeAll()
      if (taken.length > 0) yield taken
      if (!signal.aborted) await lines.changed()
    }
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}
