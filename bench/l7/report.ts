import { envoyVersion } from '../../tests/interop/envoy/install-envoy.ts'
import type { LeftOut } from '../l4/paths.ts'
import type { MachineFacts } from '../support/machine.ts'
import { renderTable } from '../support/markdown.ts'
import { renderMemory } from '../support/memory-table.ts'
import type { MemorySample } from '../support/memory.ts'
import type { LatencyRate, Series } from '../support/rounds.ts'
import { baseline, ratioOf, renderLatency, renderWork } from '../support/series-tables.ts'
import { pairedRatio } from '../support/statistics.ts'
import { ratioSpread } from '../support/text.ts'
import { latencyWorks, works } from './works.ts'

export interface L7Report {
  readonly rounds: number
  readonly seconds: number
  /** What made the load. */
  readonly loads: string
  /** What ran as our proxy. */
  readonly program: 'package' | 'sources'
  /** By the name of the work. */
  readonly latency: Readonly<Record<string, LatencyRate>>
  readonly leftOut: readonly LeftOut[]
  readonly series: readonly Series[]
  readonly memory: readonly MemorySample[]
  readonly machine: MachineFacts
}

/** Rates of ours, in those of a peer. @see design.md §13 */
const required = [
  { peer: 'haproxy', atLeast: 0.8, aim: '1.0' },
  { peer: 'envoy', atLeast: 2, aim: '–' },
]

export function renderReport(report: L7Report): string {
  const { cpu, cores, kernel, node, haproxy, nginx, commit } = report.machine
  const peers = `HAProxy ${haproxy}, nginx ${nginx}, Envoy ${envoyVersion}`
  return [
    `L7 proxy at ${commit}: ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}, ${peers}`,
    `${report.rounds} rounds of ${report.seconds} s, interleaved; load by ${report.loads}; ours from the ${report.program}; median (min–max)`,
    ...works.flatMap((work) => renderWork(work, report.series)),
    ...latencyWorks.flatMap(({ work }) => renderLatency(work, report.latency[work.name], report.series)),
    ...renderMemory('proxies just started, then idle connections of clients', report.memory),
    ...renderRequired(report),
    ...report.leftOut.map(({ name, why }) => `Left out: ${name}, because ${why}.`),
  ].join('\n\n')
}

/** Every work beside every peer, and what is required of the first. */
function renderRequired({ series }: L7Report): readonly string[] {
  const peers = [...new Set(series.map(({ path }) => path))].filter(
    (path) => path !== ratioOf && path !== baseline,
  )
  const measured = works.filter(({ name }) => series.some(({ work }) => work === name))
  const rows = measured.map(({ name }) => [
    name,
    ...peers.map((peer) => rateRatio(series, name, peer)?.text ?? '–'),
  ])
  if (peers.length === 0 || rows.length === 0) return []
  const verdicts = required.flatMap(({ peer, atLeast, aim }) => {
    const found = rateRatio(series, 'small', peer)
    if (found === undefined) return []
    const verdict = found.median >= atLeast ? 'met' : 'MISSED'
    return [[`small, rate of ${peer}`, `${atLeast.toFixed(1)} ×`, aim, `${found.text} ×`, verdict]]
  })
  return [
    '### Rates of ours, in those of',
    renderTable(['work', ...peers], rows),
    ...(verdicts.length === 0
      ? []
      : [renderTable(['what', 'required', 'aim', 'reached', 'verdict'], verdicts)]),
  ]
}

function rateRatio(
  series: readonly Series[],
  work: string,
  peer: string,
): { readonly median: number; readonly text: string } | undefined {
  const rates = (path: string): readonly number[] | undefined =>
    series.find((one) => one.work === work && one.path === path)?.measurements.map(({ rate }) => rate)
  const [ours, theirs] = [rates(ratioOf), rates(peer)]
  if (ours === undefined || theirs === undefined) return undefined
  const spread = pairedRatio(ours, theirs)
  return { median: spread.median, text: ratioSpread(spread) }
}
