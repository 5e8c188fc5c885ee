export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface FamilyShape {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly labelNames: readonly string[]
  readonly buckets: readonly number[]
}

export interface SeriesSnapshot {
  readonly labels: readonly string[]
  /** One value, or for histograms a count for each bucket, one for infinity, and the sum. */
  readonly values: readonly number[]
}

export interface FamilySnapshot extends FamilyShape {
  readonly series: readonly SeriesSnapshot[]
}

/** The state of a registry as plain data, for those who look for something in it. */
export interface MetricsSnapshot {
  readonly families: readonly FamilySnapshot[]
}

/**
 * Some series of a family, or none of it but its shape; it may be sent to another thread. Labels travel as one text for each
 * series: two dozen strings would take longer to make than all the rest of a scrape.
 */
export interface MetricsSlice {
  readonly shape: FamilyShape
  /** As `labelText` makes them. */
  readonly texts: readonly string[]
  /** `widthOf(shape)` numbers for each text. */
  readonly values: Float64Array
  /** The newest of each bucket, where there is one. */
  readonly exemplars?: readonly PlacedExemplar[]
}

/** One of the observations in a bucket, by which people find the trace of it. @see OpenMetrics 1.0, exemplars */
export interface Exemplar {
  /** As `labelText` makes them; at most 128 characters with names and values. */
  readonly labels: string
  readonly value: number
  /** Since the epoch. */
  readonly timeMs: number
}

/** Where in a slice it belongs. */
export interface PlacedExemplar extends Exemplar {
  readonly series: number
  readonly bucket: number
}

/** Numbers of one series. */
export function widthOf(shape: FamilyShape): number {
  return shape.type === 'histogram' ? shape.buckets.length + 2 : 1
}
