export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface SeriesSnapshot {
  readonly labels: readonly string[]
  /** One value, or for histograms a count for each bucket, one for infinity, and the sum. */
  readonly values: readonly number[]
}

export interface FamilySnapshot {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly labelNames: readonly string[]
  readonly buckets: readonly number[]
  readonly series: readonly SeriesSnapshot[]
}

/** The state of a registry as plain data. */
export interface MetricsSnapshot {
  readonly families: readonly FamilySnapshot[]
}

/** Sums series with the same name and labels: counters and histograms of several threads, and gauges likewise. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const families = new Map<string, { shape: FamilySnapshot; series: Map<string, SeriesSnapshot> }>()
  for (const family of snapshots.flatMap((snapshot) => snapshot.families)) {
    const merged = families.get(family.name) ?? { shape: family, series: new Map<string, SeriesSnapshot>() }
    families.set(family.name, merged)
    for (const one of family.series) {
      const key = JSON.stringify(one.labels)
      const other = merged.series.get(key)
      merged.series.set(key, other === undefined ? one : addSeries(other, one))
    }
  }
  return {
    families: [...families.values()].map(({ shape, series }) => ({ ...shape, series: [...series.values()] })),
  }
}

function addSeries(a: SeriesSnapshot, b: SeriesSnapshot): SeriesSnapshot {
  return { labels: a.labels, values: a.values.map((value, i) => value + (b.values[i] ?? 0)) }
}
