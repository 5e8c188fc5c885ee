import type { MachineFacts } from '../support/machine.ts'
import type { LatencyRate, Series } from '../support/rounds.ts'
import { renderLatency, renderWork } from '../support/series-tables.ts'
import type { WorkTitle } from '../support/series-tables.ts'

export interface MeshPathReport {
  readonly rounds: number
  readonly seconds: number
  readonly generator: 'wrk' | 'own'
  /** What ran as the mesh. */
  readonly program: 'package' | 'sources'
  readonly latency: LatencyRate
  readonly series: readonly Series[]
  readonly machine: MachineFacts
}

const requests = { rateUnit: 'requests/s', cpuUnit: 'us/request' } as const

export const saturation: WorkTitle = {
  name: 'small',
  about: 'HTTP/1.1, GET of 128 bytes over 32 kept connections, as fast as it goes',
  ...requests,
}

export const latency: WorkTitle = {
  name: 'latency',
  about: 'the same GETs at a fixed rate, each timed from when it was due',
  ...requests,
}

export function renderReport(report: MeshPathReport): string {
  const { cpu, cores, kernel, node, commit } = report.machine
  return [
    `Whole path at ${commit}: ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}`,
    `${report.rounds} rounds of ${report.seconds} s, interleaved; load by ${report.generator}; the mesh from the ${report.program}; CPU of all proxies on the path; median (min–max)`,
    ...renderWork(saturation, report.series),
    ...renderLatency(latency, report.latency, report.series),
  ].join('\n\n')
}
