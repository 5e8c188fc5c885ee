import type { FamilySnapshot, MetricsSnapshot, SeriesSnapshot } from './metrics-snapshot.ts'

export const openMetricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** A scrape lets other work run between chunks, so that thousands of series hold up no connection. */
const chunkLength = 32 * 1024

/** The exposition in chunks of about 32 KiB, the last one ending in `# EOF`. @see OpenMetrics 1.0 */
export function* openMetricsText(snapshot: MetricsSnapshot): Generator<string> {
  let chunk = ''
  for (const family of snapshot.families) {
    chunk += header(family)
    for (const series of family.series) {
      chunk += samples(family, series)
      if (chunk.length < chunkLength) continue
      yield chunk
      chunk = ''
    }
  }
  yield `${chunk}# EOF\n`
}

/** A counter's family has no `_total`, its sample does. */
function baseName(family: FamilySnapshot): string {
  return family.type === 'counter' ? family.name.replace(/_total$/u, '') : family.name
}

function header(family: FamilySnapshot): string {
  const name = baseName(family)
  return `# TYPE ${name} ${family.type}\n# HELP ${name} ${escapeText(family.help)}\n`
}

function samples(family: FamilySnapshot, series: SeriesSnapshot): string {
  const name = baseName(family)
  const labels = family.labelNames.map((label, i) => `${label}="${escapeText(series.labels[i] ?? '')}"`)
  switch (family.type) {
    case 'counter':
      return `${name}_total${braces(labels)} ${number(series.values[0])}\n`
    case 'gauge':
      return `${name}${braces(labels)} ${number(series.values[0])}\n`
    case 'histogram':
      return histogramSamples(family, series, labels)
  }
}

function histogramSamples(family: FamilySnapshot, series: SeriesSnapshot, labels: readonly string[]): string {
  let count = 0
  let text = ''
  for (const [i, bound] of [...family.buckets, Infinity].entries()) {
    count += series.values[i] ?? 0
    text += `${family.name}_bucket${braces([...labels, `le="${boundText(bound)}"`])} ${count}\n`
  }
  const sum = series.values[series.values.length - 1]
  return `${text}${family.name}_count${braces(labels)} ${count}\n${family.name}_sum${braces(labels)} ${number(sum)}\n`
}

function braces(labels: readonly string[]): string {
  return labels.length === 0 ? '' : `{${labels.join(',')}}`
}

function number(value: number | undefined): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value ?? 0)
}

/** `le` is a float, also where it is whole: `1.0`. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : number(bound)
}

function escapeText(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}
