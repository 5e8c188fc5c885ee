import type { Clock } from '@tulle/core'
import type { RequestRecord } from '@tulle/l7'
import { LatencyHistogram } from '@tulle/runtime'
import type { LatencyCounts } from '@tulle/runtime'

/** What one client asked of one service within an interval. */
export interface Edge {
  /** The SPIFFE id of the client; without one its address. */
  readonly source: string
  /** `namespace/hostname` of the service that answered, or was to. */
  readonly service: string
  readonly requests: number
  /** Answered 5xx, or with a status of gRPC that means so. */
  readonly failures: number
  /** Refused by policy; no failures. */
  readonly refusals: number
  /** How long they took, as `LatencyHistogram` counts. */
  readonly latencies: LatencyCounts
}

/** Everything that happened between two lines. */
export interface EdgeLine {
  readonly intervalMs: number
  readonly edges: readonly Edge[]
  /** Requests of edges beyond those that are counted apart. */
  readonly others: number
}

export const maxEdges = 1000
export const maxMeters = 8

/** Counts requests by edge for those who look, and nothing where nobody does. */
export class EdgeMeters {
  readonly #clock: Clock
  readonly #meters: Set<Meter> = new Set()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get readers(): number {
    return this.#meters.size
  }

  onDone(record: RequestRecord): void {
    for (const meter of this.#meters) meter.count(record)
  }

  /** A line each interval until the signal aborts or the reader stops; undefined: enough others look already. */
  open(intervalMs: number, signal: AbortSignal): AsyncGenerator<EdgeLine, void, void> | undefined {
    if (this.#meters.size >= maxMeters) return undefined
    const meter = new Meter(this.#clock)
    const end = (): void => void this.#meters.delete(meter)
    if (!signal.aborted) this.#meters.add(meter)
    signal.addEventListener('abort', end, { once: true })
    return linesOf(meter, { clock: this.#clock, intervalMs, signal, end })
  }
}

interface Reading {
  readonly clock: Clock
  readonly intervalMs: number
  readonly signal: AbortSignal
  readonly end: () => void
}

async function* linesOf(
  meter: Meter,
  { clock, intervalMs, signal, end }: Reading,
): AsyncGenerator<EdgeLine, void, void> {
  try {
    while (!signal.aborted) {
      await clock.sleep(intervalMs, { signal }).catch(() => undefined)
      if (!signal.aborted) yield meter.take()
    }
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}

interface Counted {
  readonly source: string
  readonly service: string
  requests: number
  failures: number
  refusals: number
  readonly latencies: LatencyHistogram
}

class Meter {
  readonly #clock: Clock
  #edges: Map<string, Counted> = new Map()
  #others: number = 0
  #sinceMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.monotonicMs()
  }

  count(record: RequestRecord): void {
    const edge = this.#edgeOf(record)
    if (edge === undefined) {
      this.#others++
      return
    }
    edge.requests++
    if (record.request.verdict?.allowed === false) edge.refusals++
    else if (hasFailed(record)) edge.failures++
    edge.latencies.add(record.durationMs)
  }

  take(): EdgeLine {
    const nowMs = this.#clock.monotonicMs()
    const edges = Array.from(this.#edges.values(), ({ latencies, ...counts }) => ({
      ...counts,
      latencies: latencies.counts(),
    }))
    const line = { intervalMs: nowMs - this.#sinceMs, edges, others: this.#others }
    this.#sinceMs = nowMs
    this.#edges = new Map()
    this.#others = 0
    return line
  }

  #edgeOf({ request: { downstream, backend } }: RequestRecord): Counted | undefined {
    const source = downstream.principal ?? downstream.facts.sourceIp
    const target = backend?.backend
    const service = target?.kind === 'service' ? target.service : downstream.service
    const key = `${source} ${service}`
    const known = this.#edges.get(key)
    if (known !== undefined || this.#edges.size >= maxEdges) return known
    const made = { source, service, requests: 0, failures: 0, refusals: 0, latencies: new LatencyHistogram() }
    this.#edges.set(key, made)
    return made
  }
}

/** UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS: those that are the server's. */
const failedGrpcStatuses = new Set(['2', '4', '13', '14', '15'])

/** A client that goes away is no failure. */
function hasFailed({ status, grpcStatus }: RequestRecord): boolean {
  return status >= 500 || (grpcStatus !== undefined && failedGrpcStatuses.has(grpcStatus))
}
