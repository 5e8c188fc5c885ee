import { escapeText, labelText } from './label-text.ts'
import { widthOf } from './metrics-snapshot.ts'
import type { Exemplar, FamilyShape, FamilySnapshot, MetricsSnapshot } from './metrics-snapshot.ts'

/** OpenMetrics 1.0, with exemplars; or the older text format of Prometheus, which has none. */
export type ExpositionFormat = 'openmetrics' | 'plain'

export const expositionContentTypes: Readonly<Record<ExpositionFormat, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  plain: 'text/plain; version=0.0.4; charset=utf-8',
}

/** A scrape lets other work run between chunks, so that thousands of series hold up no connection. */
const chunkLength = 32 * 1024

/** The exposition in chunks of about 32 KiB; the last one of OpenMetrics ends in `# EOF`. @see OpenMetrics 1.0 */
export function expositionText(
  snapshot: MetricsSnapshot,
  format: ExpositionFormat = 'openmetrics',
): Generator<string> {
  return expositionChunks(familiesOf(snapshot), format)
}

/** A series: its label text, and where its numbers begin. */
export interface ExposedSeries {
  readonly text: string
  readonly values: readonly number[]
  readonly place: number
  /** By where the bucket's number is. */
  readonly exemplars?: ReadonlyMap<number, Exemplar>
}

export interface ExposedFamily {
  readonly shape: FamilyShape
  /** Each made when it is asked for. */
  readonly series: Iterable<ExposedSeries>
}

export function* expositionChunks(
  families: Iterable<ExposedFamily>,
  format: ExpositionFormat,
): Generator<string> {
  let chunk = ''
  for (const { shape, series } of families) {
    chunk += header(shape, format)
    for (const one of series) {
      chunk += samples(shape, one, format)
      if (chunk.length < chunkLength) continue
      yield chunk
      chunk = ''
    }
  }
  yield format === 'openmetrics' ? `${chunk}# EOF\n` : chunk
}

function* familiesOf(snapshot: MetricsSnapshot): Generator<ExposedFamily> {
  for (const family of snapshot.families) yield { shape: family, series: seriesOf(family) }
}

function* seriesOf(family: FamilySnapshot): Generator<ExposedSeries> {
  for (const { labels, values } of family.series) {
    yield { text: labelText(family.labelNames, labels), values, place: 0 }
  }
}

/** A counter's family has no `_total`, its sample does. */
function baseName(family: FamilyShape): string {
  return family.type === 'counter' ? family.name.replace(/_total$/u, '') : family.name
}

/** In the plain format a family is called as its sample is. */
function header(family: FamilyShape, format: ExpositionFormat): string {
  const base = baseName(family)
  const name = family.type === 'counter' && format === 'plain' ? `${base}_total` : base
  return `# TYPE ${name} ${family.type}\n# HELP ${name} ${escapeText(family.help)}\n`
}

function samples(family: FamilyShape, series: ExposedSeries, format: ExpositionFormat): string {
  const name = baseName(family)
  const value = number(series.values[series.place])
  switch (family.type) {
    case 'counter':
      return `${name}_total${braces(series.text)} ${value}\n`
    case 'gauge':
      return `${name}${braces(series.text)} ${value}\n`
    case 'histogram':
      return histogramSamples(family, format === 'plain' ? { ...series, exemplars: noExemplars } : series)
  }
}

const noExemplars: ReadonlyMap<number, Exemplar> = new Map()

function histogramSamples(
  family: FamilyShape,
  { text, values, place, exemplars = noExemplars }: ExposedSeries,
): string {
  let count = 0
  let lines = ''
  const others = text === '' ? '' : `${text},`
  for (const [i, bound] of [...family.buckets, Infinity].entries()) {
    count += values[place + i] ?? 0
    const exemplar = exemplarText(exemplars.get(place + i))
    lines += `${family.name}_bucket${braces(`${others}le="${boundText(bound)}"`)} ${count}${exemplar}\n`
  }
  const sum = values[place + widthOf(family) - 1]
  return `${lines}${family.name}_count${braces(text)} ${count}\n${family.name}_sum${braces(text)} ${number(sum)}\n`
}

/** Times are in seconds. */
function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return ''
  return ` # {${exemplar.labels}} ${number(exemplar.value)} ${(exemplar.timeMs / 1000).toFixed(3)}`
}

function braces(text: string): string {
  return text === '' ? '' : `{${text}}`
}

function number(value: number | undefined): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value ?? 0)
}

/** `le` is a float, also where it is whole: `1.0`. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : number(bound)
}
