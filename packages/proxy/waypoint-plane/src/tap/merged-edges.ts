import { linkedController } from '@tulle/core'
import { LatencyHistogram } from '@tulle/runtime'
import type { WaypointCommands } from '../waypoint-commands.ts'
import { maxEdges, maxMeters } from './edge-meter.ts'
import type { Edge, EdgeLine } from './edge-meter.ts'

/** The counts of all workers. */
export class MergedEdges {
  readonly #workers: readonly Pick<WaypointCommands, 'edges'>[]
  #readers: number = 0

  constructor(workers: readonly Pick<WaypointCommands, 'edges'>[]) {
    this.#workers = workers
  }

  /** A line each interval until the signal aborts or the reader stops; undefined: enough others look already. */
  open(intervalMs: number, signal: AbortSignal): AsyncGenerator<EdgeLine, void> | undefined {
    if (this.#readers >= maxMeters) return undefined
    const reading = linkedController(signal)
    const end = (): void => {
      this.#readers--
    }
    this.#readers++
    reading.signal.addEventListener('abort', end, { once: true })
    if (reading.signal.aborted) end()
    const each = this.#workers.map((worker) => worker.edges(intervalMs, reading.signal))
    return linesOf(each, () => {
      reading.abort()
      reading[Symbol.dispose]()
    })
  }
}

/** All workers are asked at once, so that their intervals are the same but for a moment. */
async function* linesOf(
  each: readonly AsyncGenerator<EdgeLine, void>[],
  end: () => void,
): AsyncGenerator<EdgeLine, void> {
  try {
    for (;;) {
      const lines: EdgeLine[] = []
      for (const { done, value } of await Promise.all(each.map((one) => one.next()))) {
        if (done === true) return
        lines.push(value)
      }
      yield mergeLines(lines)
    }
  } finally {
    end()
  }
}

/** The sum of what several threads counted at the same time. */
export function mergeLines(lines: readonly EdgeLine[]): EdgeLine {
  const edges = new Map<string, Edge>()
  let others = lines.reduce((sum, line) => sum + line.others, 0)
  for (const edge of lines.flatMap((line) => line.edges)) {
    const key = `${edge.source} ${edge.service}`
    const known = edges.get(key)
    if (known !== undefined) edges.set(key, sumOf(known, edge))
    else if (edges.size < maxEdges) edges.set(key, edge)
    else others += edge.requests
  }
  return { intervalMs: Math.max(...lines.map((line) => line.intervalMs)), edges: [...edges.values()], others }
}

function sumOf(one: Edge, other: Edge): Edge {
  const latencies = LatencyHistogram.of(one.latencies)
  latencies.addCounts(other.latencies)
  return {
    source: one.source,
    service: one.service,
    requests: one.requests + other.requests,
    failures: one.failures + other.failures,
    refusals: one.refusals + other.refusals,
    latencies: latencies.counts(),
  }
}
