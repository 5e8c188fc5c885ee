import { LatencyHistogram } from '@tulle/runtime'
import type { EdgeLine } from '@tulle/waypoint'
import { renderTable } from '../output/table.ts'
import type { Style } from '../output/style.ts'
import { serviceName, sourceName } from './tap-line.ts'

/** What one client asks of one service, over the window. */
export interface EdgeRow {
  readonly source: string
  readonly service: string
  readonly requestsPerSecond: number
  /** Of the requests that policy let through those that did not fail, 0–1; absent where it let through none. */
  readonly successRate?: number
  readonly refusedPerSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

/** The last lines of each waypoint, as far back as the window goes. */
export class EdgeWindow {
  readonly #windowMs: number
  readonly #lines: Map<string, EdgeLine[]> = new Map()

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  add(waypoint: string, line: EdgeLine): void {
    const lines = [...(this.#lines.get(waypoint) ?? []), line]
    while (lines.length > 1 && spanOf(lines.slice(1)) >= this.#windowMs) lines.shift()
    this.#lines.set(waypoint, lines)
  }

  /** The longest that any waypoint was listened to, within the window. */
  get spanMs(): number {
    return Math.max(0, ...Array.from(this.#lines.values(), spanOf))
  }

  /** The busiest first. */
  rows(): readonly EdgeRow[] {
    const sums = new Map<string, EdgeSum>()
    for (const lines of this.#lines.values()) {
      const seconds = spanOf(lines) / 1000
      for (const edge of lines.flatMap(({ edges }) => edges)) {
        const key = `${edge.source} ${edge.service}`
        const sum = sums.get(key) ?? new EdgeSum(edge.source, edge.service)
        sums.set(key, sum)
        sum.add(edge, seconds)
      }
    }
    return [...sums.values()]
      .map((sum) => sum.row())
      .toSorted((a, b) => b.requestsPerSecond - a.requestsPerSecond)
  }

  /** A second's requests of edges beyond those that are counted apart. */
  get othersPerSecond(): number {
    const all = Array.from(this.#lines.values(), (lines) => {
      const count = lines.reduce((sum, { others }) => sum + others, 0)
      return count === 0 ? 0 : (count * 1000) / spanOf(lines)
    })
    return round(all.reduce((sum, count) => sum + count, 0))
  }
}

function spanOf(lines: readonly EdgeLine[]): number {
  return lines.reduce((sum, { intervalMs }) => sum + intervalMs, 0)
}

class EdgeSum {
  readonly #source: string
  readonly #service: string
  readonly #latencies: LatencyHistogram = new LatencyHistogram()
  #perSecond: number = 0
  #refusedPerSecond: number = 0
  #judged: number = 0
  #failures: number = 0

  constructor(source: string, service: string) {
    this.#source = source
    this.#service = service
  }

  add({ requests, failures, refusals, latencies }: EdgeLine['edges'][number], seconds: number): void {
    this.#perSecond += requests / seconds
    this.#refusedPerSecond += refusals / seconds
    this.#judged += requests - refusals
    this.#failures += failures
    this.#latencies.addCounts(latencies)
  }

  row(): EdgeRow {
    const quantile = (share: number): number => round(this.#latencies.quantile(share) ?? 0)
    return {
      source: this.#source,
      service: this.#service,
      requestsPerSecond: round(this.#perSecond),
      ...(this.#judged === 0 ? {} : { successRate: 1 - this.#failures / this.#judged }),
      refusedPerSecond: round(this.#refusedPerSecond),
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
      p99Ms: quantile(0.99),
    }
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

export function topTable(rows: readonly EdgeRow[], style: Style): string {
  return renderTable(
    ['FROM', 'TO', 'RPS', 'SUCCESS', 'REFUSED/S', 'P50', 'P95', 'P99'],
    rows.map((row) => [
      sourceName(row.source) ?? '',
      serviceName(row.service),
      row.requestsPerSecond.toFixed(1),
      successText(row.successRate, style),
      row.refusedPerSecond === 0 ? '-' : style.warn(row.refusedPerSecond.toFixed(1)),
      ...[row.p50Ms, row.p95Ms, row.p99Ms].map((ms) => `${ms.toFixed(ms < 10 ? 2 : 0)} ms`),
    ]),
  )
}

/** Never rounded up to all of them. */
function successText(rate: number | undefined, style: Style): string {
  if (rate === undefined) return '-'
  const text = `${(Math.floor(rate * 10_000) / 100).toFixed(2)} %`
  return rate === 1 ? style.good(text) : style.bad(text)
}
