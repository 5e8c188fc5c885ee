import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@tulle/core'
import type { MachineFacts } from '../support/machine.ts'
import { renderTable } from '../support/markdown.ts'
import { pairedRatio } from '../support/statistics.ts'
import type { Measurement } from './measure.ts'
import type { MemorySample } from './memory.ts'
import type { LeftOut } from './paths.ts'
import { requirementsOf } from './requirements.ts'
import { ratioSpread, spreadText } from './text.ts'
import { latencyWork, works } from './works.ts'
import type { Work } from './works.ts'

/** One work on one path, a measurement for each round. */
export interface Series {
  readonly work: string
  readonly path: string
  readonly measurements: readonly Measurement[]
}

/** The fixed rate of the latency work, and whose half of saturation it is. */
export interface LatencyRate {
  readonly perSecond: number
  readonly slowest: string
}

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

const ratioOf = 'ours'
const baseline = 'direct'

export function renderReport(report: L4Report): string {
  const { cpu, cores, kernel, node, haproxy, commit } = report.machine
  const parts = [
    `L4 pair at ${commit}: ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}, HAProxy ${haproxy}`,
    `${report.rounds} rounds of ${report.seconds} s, interleaved; load by ${report.generator}; ours from the ${report.program}; median (min–max)`,
    ...works.flatMap((work) => renderWork(work, report)),
    ...renderLatency(report),
    ...renderMemory(report),
    ...renderRequirements(report),
    ...report.leftOut.map(({ name, why }) => `Left out: ${name}, because ${why}.`),
  ]
  return parts.join('\n\n')
}

function renderWork(work: Work, report: L4Report): readonly string[] {
  const rows = report.series.filter((series) => series.work === work.name)
  if (rows.length === 0) return []
  const ours = rows.find(({ path }) => path === ratioOf)
  const bulk = work.rateUnit === 'Gbit/s'
  const head = [
    'path',
    work.rateUnit,
    `CPU ${work.cpuUnit}`,
    ...(bulk ? [] : ['p50 us', 'p99 us']),
    'errors',
    'ours / it',
    'CPU ours / it',
  ]
  const table = renderTable(
    head,
    rows.map((row) => [
      row.path,
      spreadText(valuesOf(row, 'rate')),
      spreadText(valuesOf(row, 'cpu')),
      ...(bulk ? [] : [spreadText(valuesOf(row, 'p50Us')), spreadText(valuesOf(row, 'p99Us'))]),
      `${row.measurements.reduce((sum, { errors }) => sum + errors, 0)}`,
      ratioText(ours, row, 'rate'),
      ratioText(ours, row, 'cpu'),
    ]),
  )
  return [`### ${work.name}: ${work.about}`, table]
}

function renderLatency(report: L4Report): readonly string[] {
  const rows = report.series.filter((series) => series.work === latencyWork.name)
  if (report.latency === undefined || rows.length === 0) return []
  const direct = rows.find(({ path }) => path === baseline)
  const { perSecond, slowest } = report.latency
  const table = renderTable(
    [
      'path',
      'requests/s',
      'p50 us',
      'p99 us',
      'p99.9 us',
      'added p50',
      'added p99',
      'added p99.9',
      'CPU us/request',
      'sent late p99',
      "load's core",
      'errors',
    ],
    rows.map((row) => [
      row.path,
      spreadText(valuesOf(row, 'rate')),
      ...latencyColumns.map((column) => spreadText(valuesOf(row, column))),
      ...latencyColumns.map((column) => addedText(row, direct, column)),
      spreadText(valuesOf(row, 'cpu')),
      spreadText(valuesOf(row, 'lateP99Us')),
      shareText(valuesOf(row, 'loadCpu')),
      `${row.measurements.reduce((sum, { errors }) => sum + errors, 0)}`,
    ]),
  )
  const about = `${latencyWork.about}; ${perSecond} a second, half of what ${slowest} gets through`
  return [`### ${latencyWork.name}: ${about}`, table]
}

const latencyColumns = ['p50Us', 'p99Us', 'p999Us'] as const

/** Of each round, minus the direct path's of the same round. */
function addedText(row: Series, direct: Series | undefined, column: Column): string {
  const [mine, base] = [valuesOf(row, column), direct === undefined ? undefined : valuesOf(direct, column)]
  if (row === direct || mine === undefined || base === undefined) return '–'
  return spreadText(mine.map((value, round) => value - (base[round] ?? Number.NaN)))
}

function shareText(values: readonly number[] | undefined): string {
  if (values === undefined) return '–'
  return `${Math.round(Math.max(...values) * 100)} %`
}

function renderMemory({ memory }: L4Report): readonly string[] {
  if (memory.length === 0) return []
  const text = (values: readonly number[]): string => values.map((value) => value.toFixed(1)).join(' + ')
  const table = renderTable(
    ['path', 'connections', 'private MiB', 'total MiB', 'private KiB each more'],
    memory.map((one) => {
      const idle = memory.find(({ path, connections }) => path === one.path && connections === 0)
      const privateMiB = one.proxies.map(({ anonymousMiB }) => anonymousMiB)
      const each = privateMiB.map((value, index) => {
        const before = idle?.proxies[index]?.anonymousMiB ?? Number.NaN
        return ((value - before) * 1024) / one.connections
      })
      return [
        one.path,
        `${one.connections}`,
        text(privateMiB),
        text(one.proxies.map(({ residentMiB }) => residentMiB)),
        one.connections === 0 ? '–' : text(each),
      ]
    }),
  )
  return ['### memory: proxies just started, outbound + inbound, then idle connections', table]
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

type Column = 'rate' | 'cpu' | 'p50Us' | 'p99Us' | 'p999Us' | 'lateP99Us' | 'loadCpu'

/** undefined where it is not measured on this path. */
function valuesOf({ measurements }: Series, column: Column): readonly number[] | undefined {
  const values = measurements.map((measurement) => measurement[column])
  return values.every((value) => value !== null) ? values : undefined
}

function ratioText(ours: Series | undefined, theirs: Series, column: Column): string {
  if (ours === undefined || ours === theirs) return '–'
  const [mine, other] = [valuesOf(ours, column), valuesOf(theirs, column)]
  if (mine === undefined || other === undefined) return '–'
  return ratioSpread(pairedRatio(mine, other))
}

/** The path of the Markdown file, without its ending. */
export function saveReport(report: L4Report): string {
  const folder = join(import.meta.dirname, '../results')
  const date = new Date(systemClock.nowMs()).toISOString().slice(0, 10)
  const base = join(folder, `l4-${date}-${report.machine.commit}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${base}.json`, `${JSON.stringify({ date, ...report }, undefined, 2)}\n`)
  writeFileSync(`${base}.md`, `# ${date}\n\n${renderReport(report)}\n`)
  return base
}
