import { renderTable } from './markdown.ts'
import type { LatencyRate, Series } from './rounds.ts'
import { pairedRatio } from './statistics.ts'
import { ratioSpread, spreadText } from './text.ts'

/** What a table needs to know of a work. */
export interface WorkTitle {
  readonly name: string
  readonly about: string
  /** The unit of `Measurement.rate`, and of what CPU time is divided by. */
  readonly rateUnit: string
  readonly cpuUnit: string
}

export const ratioOf = 'ours'
export const baseline = 'direct'

/** Rate and CPU of one work on all paths; nothing where it was not measured. */
export function renderWork(work: WorkTitle, all: readonly Series[]): readonly string[] {
  const rows = all.filter((series) => series.work === work.name)
  if (rows.length === 0) return []
  const ours = rows.find(({ path }) => path === ratioOf)
  const bulk = work.rateUnit === 'Gbit/s'
  const head = [
    'path',
    work.rateUnit,
    `CPU ${work.cpuUnit}`,
    ...(bulk ? [] : ['p50 us', 'p99 us']),
    'errors',
    ...(ours === undefined ? [] : ['ours / it', 'CPU ours / it']),
  ]
  const table = renderTable(
    head,
    rows.map((row) => [
      row.path,
      spreadText(valuesOf(row, 'rate')),
      spreadText(valuesOf(row, 'cpu')),
      ...(bulk ? [] : [spreadText(valuesOf(row, 'p50Us')), spreadText(valuesOf(row, 'p99Us'))]),
      errorsText(row),
      ...(ours === undefined ? [] : [ratioText(ours, row, 'rate'), ratioText(ours, row, 'cpu')]),
    ]),
  )
  return [`### ${work.name}: ${work.about}`, table]
}

const latencyColumns = ['p50Us', 'p99Us', 'p999Us'] as const

/** An open loop at a fixed rate. */
export function renderLatency(
  work: WorkTitle,
  latency: LatencyRate | undefined,
  all: readonly Series[],
): readonly string[] {
  const rows = all.filter((series) => series.work === work.name)
  if (latency === undefined || rows.length === 0) return []
  const direct = rows.find(({ path }) => path === baseline)
  const { perSecond, slowest } = latency
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
      errorsText(row),
    ]),
  )
  const about = `${work.about}; ${perSecond} a second, half of what ${slowest} gets through`
  return [`### ${work.name}: ${about}`, table]
}

type Column = 'rate' | 'cpu' | 'p50Us' | 'p99Us' | 'p999Us' | 'lateP99Us' | 'loadCpu'

/** undefined where it is not measured on this path. */
export function valuesOf({ measurements }: Series, column: Column): readonly number[] | undefined {
  const values = measurements.map((measurement) => measurement[column])
  return values.every((value) => value !== null) ? values : undefined
}

function errorsText({ measurements }: Series): string {
  return `${measurements.reduce((sum, { errors }) => sum + errors, 0)}`
}

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

function ratioText(ours: Series, theirs: Series, column: Column): string {
  if (ours === theirs) return '–'
  const [mine, other] = [valuesOf(ours, column), valuesOf(theirs, column)]
  if (mine === undefined || other === undefined) return '–'
  return ratioSpread(pairedRatio(mine, other))
}
