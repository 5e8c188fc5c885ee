import type { MachineFacts } from '../support/machine.ts'
import { renderTable } from '../support/markdown.ts'
import { renderMemory } from '../support/memory-table.ts'
import type { MemorySample } from '../support/memory.ts'
import type { LatencyRate, Series } from '../support/rounds.ts'
import { renderLatency, renderWork } from '../support/series-tables.ts'
import type { LeftOut } from './paths.ts'
import { requirementsOf } from './requirements.ts'
import { latencyWork, works } from './works.ts'

export interface L4Report {
  readonly rounds: number
  readonly seconds: number
  readonly generator: string
  /** What ran as our proxies. */
  readonly program: 'package' | 'sources'
  readonly latency: LatencyRate | undefined
  readonly leftOut: readonly LeftOut[]
  readonly series: readonly Series[]
  readonly memory: readonly MemorySample[]
  readonly machine: MachineFacts
}

export function renderReport(report: L4Report): string {
  const { cpu, cores, kernel, node, haproxy, commit } = report.machine
  const parts = [
    `L4 pair at ${commit}: ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}, HAProxy ${haproxy}`,
    `${report.rounds} rounds of ${report.seconds} s, interleaved; load by ${report.generator}; ours from the ${report.program}; median (min–max)`,
    ...works.flatMap((work) => renderWork(work, report.series)),
    ...renderLatency(latencyWork, report.latency, report.series),
    ...renderMemory('proxies just started, outbound + inbound, then idle connections', report.memory),
    ...renderRequirements(report),
    ...report.leftOut.map(({ name, why }) => `Left out: ${name}, because ${why}.`),
  ]
  return parts.join('\n\n')
}

function renderRequirements(report: L4Report): readonly string[] {
  const table = renderTable(
    ['work', 'required', 'aim', 'reached', 'verdict'],
    requirementsOf(report).map(({ what, required, aim, reached, met }) => [
      what,
      required,
      aim,
      reached,
      met === undefined ? '–' : met ? 'met' : 'MISSED',
    ]),
  )
  return ['### Required and reached', table]
}
