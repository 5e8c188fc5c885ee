import { renderTable } from '../output/table.ts'
import type { Style } from '../output/style.ts'

/** A line of the answer: what passes directly, and what passes through the mesh. */
export interface BenchRow {
  readonly name: string
  readonly unit: string
  readonly direct: number
  readonly mesh: number
  /** mesh / direct. */
  readonly ratio: number
  /** mesh − direct, of latencies. */
  readonly added?: number
  /** CPU time of both proxies for each `per`. */
  readonly cpuUs?: number
  readonly per?: string
}

export interface BenchResult {
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly kernel: string
    readonly node: string
    readonly tulle: string
  }
  readonly mode: string
  /** Threads of each proxy's data path. */
  readonly workers: number
  /** For each of the figures. */
  readonly measuredSeconds: number
  readonly rows: readonly BenchRow[]
}

export function renderBench({ machine, rows, workers }: BenchResult, style: Style): string {
  const { cpu, cores, kernel, node, tulle } = machine
  const where = `tulle ${tulle} · ${cpu}, ${cores} cores · Linux ${kernel} · Node ${node}`
  const table = renderTable(
    ['', 'DIRECT', 'MESH', 'MESH/DIRECT', 'ADDED', 'CPU OF BOTH PROXIES'],
    rows.map((row) => [
      row.name,
      `${numberText(row.direct)} ${row.unit}`,
      style.strong(`${numberText(row.mesh)} ${row.unit}`),
      row.ratio.toFixed(2),
      row.added === undefined ? '' : `${numberText(row.added)} ${row.unit}`,
      row.cpuUs === undefined ? '' : `${numberText(row.cpuUs)} us/${row.per ?? ''}`,
    ]),
  )
  const note = `Two workloads in network namespaces of their own on this machine, captured, mTLS between two node proxies of ${workers} threads each, a policy, metrics and the access log on. Load, workloads and proxies share all cores.`
  return `${where}\n\n${table}\n\n${style.dim(note)}`
}

/** Three digits, thousands with k. */
export function numberText(value: number): string {
  const magnitude = Math.abs(value)
  if (magnitude >= 10_000) return `${(value / 1000).toFixed(1)}k`
  if (magnitude >= 100) return value.toFixed(0)
  return magnitude === 0 ? '0' : value.toPrecision(3)
}
