import { escapeText, labelText } from './label-text.ts'
import { widthOf } from './metrics-snapshot.ts'
import type { FamilyShape, FamilySnapshot, MetricsSnapshot } from './metrics-snapshot.ts'

export const openMetricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** A scrape lets other work run between chunks, so that thousands of series hold up no connection. */
const chunkLength = 32 * 1024

/** The exposition in chunks of about 32 KiB, the last one ending in `# EOF`. @see OpenMetrics 1.0 */
export function openMetricsText(snapshot: MetricsSnapshot): Generator<string> {
  return openMetricsChunks(familiesOf(snapshot))
}

/** A series: its label text, and where its numbers begin. */
export interface ExposedSeries {
  readonly text: string
  readonly values: readonly number[]
  readonly place: number
}

export interface ExposedFamily {
  readonly shape: FamilyShape
  /** Each made when it is asked for. */
  readonly series: Iterable<ExposedSeries>
}

export function* openMetricsChunks(families: Iterable<ExposedFamily>): Generator<string> {
  let chunk = ''
  for (const { shape, series } of families) {
    chunk += header(shape)
    for (const one of series) {
      chunk += samples(shape, one)
      if (chunk.length < chunkLength) continue
      yield chunk
      chunk = ''
    }
  }
  yield `${chunk}# EOF\n`
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

function header(family: FamilyShape): string {
  const name = baseName(family)
  return `# TYPE ${name} ${family.type}\n# HELP ${name} ${escapeText(family.help)}\n`
}

function samples(family: FamilyShape, series: ExposedSeries): string {
  const name = baseName(family)
  const value = number(series.values[series.place])
  switch (family.type) {
    case 'counter':
      return `${name}_total${braces(series.text)} ${value}\n`
    case 'gauge':
      return `${name}${braces(series.text)} ${value}\n`
    case 'histogram':
      return histogramSamples(family, series)
  }
}

function histogramSamples(family: FamilyShape, { text, values, place }: ExposedSeries): string {
  let count = 0
  let lines = ''
  const others = text === '' ? '' : `${text},`
  for (const [i, bound] of [...family.buckets, Infinity].entries()) {
    count += values[place + i] ?? 0
    lines += `${family.name}_bucket${braces(`${others}le="${boundText(bound)}"`)} ${count}\n`
  }
  const sum = values[place + widthOf(family) - 1]
  return `${lines}${family.name}_count${braces(text)} ${count}\n${family.name}_sum${braces(text)} ${number(sum)}\n`
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
