import type { Clock } from '@tulle/core'
import type { TapWanted, WaypointCommands } from '../waypoint-commands.ts'
import { maxTaps, takenFrom } from './request-tap.ts'
import { TapLines } from './tap-lines.ts'
import type { TapLine } from './tap-lines.ts'

/** The live requests of all workers. What each passes on is bounded, and so is what all of them together do. */
export class MergedTap {
  readonly #workers: readonly Pick<WaypointCommands, 'tap'>[]
  readonly #clock: Clock
  #readers: number = 0

  constructor(workers: readonly Pick<WaypointCommands, 'tap'>[], clock: Clock) {
    this.#workers = workers
    this.#clock = clock
  }

  /** What matches, until the signal aborts or the reader stops; undefined: enough others look already. */
  open(wanted: TapWanted, signal: AbortSignal): AsyncGenerator<TapLine, void> | undefined {
    if (this.#readers >= maxTaps) return undefined
    const reading = new AbortController()
    const lines = new TapLines(wanted.maxPerSecond, this.#clock)
    const end = (): void => {
      if (reading.signal.aborted) return
      this.#readers--
      reading.abort()
      lines[Symbol.dispose]()
    }
    this.#readers++
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    // A worker that fails ends the process.
    else for (const worker of this.#workers) collect(worker.tap(wanted, reading.signal), lines).catch(end)
    return flat(takenFrom(lines, signal, end))
  }
}

async function collect(taken: AsyncIterable<readonly TapLine[]>, lines: TapLines): Promise<void> {
  for await (const batch of taken) {
    for (const line of batch) {
      if ('dropped' in line) lines.leftOut(line.dropped)
      else if (lines.hasRoom()) lines.push(line)
    }
  }
}

async function* flat(batches: AsyncGenerator<readonly TapLine[], void>): AsyncGenerator<TapLine, void> {
  for await (const batch of batches) yield* batch
}
