import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@tulle/core'
import { renderLinePlot } from '../support/line-plot.ts'
import { renderTable } from '../support/markdown.ts'
import type { ControlMeasurement, Quantiles } from './measure-size.ts'
import type { ControlBenchOptions } from './options.ts'

type Row = readonly [name: string, of: (measured: ControlMeasurement) => string]

const rows: readonly Row[] = [
  [
    'services / workloads / policies',
    ({ size }) => `${size.services} / ${size.workloads} / ${size.policies}`,
  ],
  ['nodes, of which by name', ({ size }) => `${size.nodes}, ${Math.floor(size.nodes * size.onDemandShare)}`],
  ['start until it serves', ({ loadMs }) => ms(loadMs)],
  ['first full state: half / all', (m) => `${ms(m.firstStateHalfMs)} / ${ms(m.firstStateMs)}`],
  ['file renamed → node, p50 / p99 / max', ({ arrival }) => quantilesText(arrival)],
  ['revision → acknowledged (bucket), p50 / p99 / max', ({ applied }) => quantilesText(applied)],
  ['changes; arrivals missing', ({ changes, missing }) => `${changes}; ${missing}`],
  ['bytes for a change and node', ({ bytesPerChange }) => bytesPerChange.toFixed(0)],
  ['CPU of one core during changes', ({ cpuShare }) => `${(cpuShare * 100).toFixed(0)} %`],
  ['RSS loaded / with nodes / peak', (m) => mib(m.memoryLoadedMiB, m.memoryMiB, m.memoryPeakMiB)],
  ['private / heap', (m) => mib(m.memoryPrivateMiB, m.heapMiB)],
  ['loop held at most: first states / changes', (m) => `${ms(m.loopFirstStateMs)} / ${ms(m.loopChangesMs)}`],
  [
    'restart: from the kill / from serving',
    ({ storm }) => (storm ? `${ms(storm.settledMs)} / ${ms(storm.servedMs)}` : '–'),
  ],
  [
    'restart: CPU since serving / RSS peak',
    ({ storm }) => (storm ? `${ms(storm.cpuSeconds * 1000)} / ${mib(storm.memoryPeakMiB)}` : '–'),
  ],
]

export function renderControlReport(
  measured: readonly ControlMeasurement[],
  { seconds, changesPerSecond, inPlace }: ControlBenchOptions,
): string {
  const { cpu, cores, kernel, node, commit } = machine()
  const head = `Control plane at ${commit}: ${cpu}, ${cores} cores (one for each side), Linux ${kernel}, Node ${node}`
  const how = `${changesPerSecond} changes/s for ${seconds} s, files ${inPlace ? 'written in place' : 'renamed into place'}; a file for each application`
  const table = renderTable(
    ['', ...measured.map(({ size }) => size.name)],
    rows.map(([name, of]) => [name, ...measured.map(of)]),
  )
  return [head, how, table].join('\n\n')
}

/** The path of the Markdown file, without its ending. */
export function saveControlReport(
  measured: readonly ControlMeasurement[],
  options: ControlBenchOptions,
): string {
  const folder = join(import.meta.dirname, '../results')
  const date = new Date(systemClock.nowMs()).toISOString().slice(0, 10)
  const names = measured.map(({ size }) => size.name)
  const label = names.every((name) => name.startsWith('growth-')) ? 'growth' : names.join('-')
  const base = join(folder, `control-${label}-${date}-${machine().commit}`)
  mkdirSync(folder, { recursive: true })
  const { seconds, changesPerSecond, inPlace } = options
  const how = { date, seconds, changesPerSecond, inPlace, machine: machine() }
  writeFileSync(`${base}.json`, `${JSON.stringify({ ...how, measured }, undefined, 2)}\n`)
  writeFileSync(`${base}.md`, `# ${date}\n\n${renderControlReport(measured, options)}\n`)
  if (label === 'growth') writeFileSync(`${base}.svg`, plotGrowth(measured))
  return base
}

function plotGrowth(measured: readonly ControlMeasurement[]): string {
  const series = (name: string, of: (m: ControlMeasurement) => number) => ({
    name,
    points: measured.map((m) => ({ x: m.size.workloads, y: of(m) })),
  })
  return renderLinePlot({
    title: 'The control plane from 1000 to 50 000 workloads, 50 nodes',
    xLabel: 'workloads',
    series: [
      series('file renamed → node, p50, ms', ({ arrival }) => arrival.p50),
      series('file renamed → node, p99, ms', ({ arrival }) => arrival.p99),
      series('bytes for a change and node', ({ bytesPerChange }) => bytesPerChange),
      series('first full state of all nodes, s', ({ firstStateMs }) => firstStateMs / 1000),
      series('RSS, MiB', ({ memoryMiB }) => memoryMiB),
      series('start until it serves, s', ({ loadMs }) => loadMs / 1000),
    ],
  })
}

function machine(): Readonly<Record<'cpu' | 'kernel' | 'node' | 'commit', string>> & {
  readonly cores: number
} {
  const cpu = /^model name\s*:\s*(.*)$/mu.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? process.arch
  const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  })
  return {
    cpu,
    cores: availableParallelism(),
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'latin1').trim(),
    node: process.versions.node,
    commit: git.status === 0 ? git.stdout.trim() : 'unknown',
  }
}

function quantilesText(quantiles: Quantiles | undefined): string {
  return quantiles === undefined ? '–' : `${ms(quantiles.p50)} / ${ms(quantiles.p99)} / ${ms(quantiles.max)}`
}

function ms(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`
  return value < 100 ? `${value.toFixed(1)} ms` : `${value.toFixed(0)} ms`
}

function mib(...values: readonly number[]): string {
  return `${values.map((value) => value.toFixed(0)).join(' / ')} MiB`
}
