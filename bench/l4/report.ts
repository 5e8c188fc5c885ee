import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@tulle/core'
import { renderTable } from '../support/markdown.ts'
import { pairedRatio, spreadOf } from '../support/statistics.ts'
import type { Spread } from '../support/statistics.ts'
import type { LeftOut } from './paths.ts'
import { works } from './works.ts'
import type { Measurement, Work } from './works.ts'

/** One work on one path, a measurement for each round. */
export interface Series {
  readonly work: Work['name']
  readonly path: string
  readonly measurements: readonly Measurement[]
}

export interface L4Report {
  readonly rounds: number
  readonly seconds: number
  readonly generator: string
  readonly leftOut: readonly LeftOut[]
  readonly series: readonly Series[]
  /** Of the outbound and the inbound proxy, after all rounds. */
  readonly memory: readonly { readonly path: string; readonly anonymousMiB: readonly number[] }[]
  readonly machine: Readonly<
    Record<'cpu' | 'kernel' | 'node' | 'haproxy' | 'commit', string> & Record<'cores', number>
  >
}

const ratioOf = 'ours'

export function renderReport(report: L4Report): string {
  const { cpu, cores, kernel, node, haproxy, commit } = report.machine
  const parts = [
    `L4 pair at ${commit}: ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}, HAProxy ${haproxy}`,
    `${report.rounds} rounds of ${report.seconds} s, interleaved; load by ${report.generator}; median (min–max)`,
    ...works.flatMap((work) => renderWork(work, report)),
    ...renderMemory(report),
    ...report.leftOut.map(({ name, why }) => `Left out: ${name}, because ${why}.`),
  ]
  return parts.join('\n\n')
}

function renderWork(work: Work, report: L4Report): readonly string[] {
  const rows = report.series.filter((series) => series.work === work.name)
  if (rows.length === 0) return []
  const ours = rows.find(({ path }) => path === ratioOf)
  const head = [
    'path',
    work.rateUnit,
    `CPU ${work.cpuUnit}`,
    'p50 us',
    'p99 us',
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
      spreadText(valuesOf(row, 'p50Us')),
      spreadText(valuesOf(row, 'p99Us')),
      `${row.measurements.reduce((sum, { errors }) => sum + errors, 0)}`,
      ratioText(ours, row, 'rate'),
      ratioText(ours, row, 'cpu'),
    ]),
  )
  return [`### ${work.name}: ${work.about}`, table]
}

function renderMemory({ memory }: L4Report): readonly string[] {
  const rows = memory.filter(({ anonymousMiB }) => anonymousMiB.length > 0)
  if (rows.length === 0) return []
  const text = rows.map(({ path, anonymousMiB }) => `${path} ${anonymousMiB.map(Math.round).join(' + ')}`)
  return [`Private memory at the end, MiB, outbound + inbound: ${text.join(', ')}`]
}

type Column = 'rate' | 'cpu' | 'p50Us' | 'p99Us'

/** undefined where it is not measured on this path. */
function valuesOf({ measurements }: Series, column: Column): readonly number[] | undefined {
  const values = measurements.map((measurement) => measurement[column])
  return values.every((value) => value !== null) ? values : undefined
}

function spreadText(values: readonly number[] | undefined): string {
  if (values === undefined) return '–'
  const { median, min, max } = spreadOf(values)
  return `${numberText(median)} (${numberText(min)}–${numberText(max)})`
}

function ratioText(ours: Series | undefined, theirs: Series, column: Column): string {
  if (ours === undefined || ours === theirs) return '–'
  const [mine, other] = [valuesOf(ours, column), valuesOf(theirs, column)]
  if (mine === undefined || other === undefined) return '–'
  const { median, min, max }: Spread = pairedRatio(mine, other)
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
}

function numberText(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)}k`
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
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
