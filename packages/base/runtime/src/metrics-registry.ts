import { assert, dataEqual } from '@tulle/core'
import { MergedMetrics } from './merged-metrics.ts'
import { FamilySeries } from './metrics-series.ts'
import type { Series } from './metrics-series.ts'
import { Slots } from './metrics-slots.ts'
import type { Exemplar, FamilyShape, MetricsSlice, MetricsSnapshot } from './metrics-snapshot.ts'

export interface FamilyOptions {
  /** Most series that the family may have; what is beyond counts on one whose labels all say `overflow`. */
  readonly maxSeries?: number
}

/** A series, bound to its label values once and then updated without allocation. */
export interface Child {
  /** Adds to a counter or gauge; a counter never takes less than 0. */
  inc(amount?: number): void
  /** Sets a gauge. */
  set(value: number): void
  /** Counts a value in a histogram. The newest exemplar of each bucket is kept, whatever came with those before. */
  observe(value: number, exemplar?: Omit<Exemplar, 'value'>): void
}

export interface Family {
  /** The series with these label values, in the order of the family's label names; the same object each time. */
  bind(...labelValues: readonly string[]): Child
  /** Forgets a series, such as one of a workload that left. Should its child be used again, it starts anew. */
  release(child: Child): void
}

const defaultMaxSeries = 10_000
/** A millisecond's work. */
const seriesPerSlice = 500
const namePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/u
const labelPattern = /^[a-zA-Z_][a-zA-Z0-9_]*$/u

/**
 * Counters, gauges and histograms of one thread. All numbers lie in one Float64Array; a worker sends its
 * `slices()` and the main thread sums several with `mergeMetrics`.
 *
 * A full family first gives up series that have not changed for two snapshots (gauges only at 0), the longest unchanged
 * first, so that workloads that come and go leave room for others.
 */
export class MetricsRegistry {
  readonly #families: Map<string, RegisteredFamily> = new Map()
  readonly #slots: Slots = new Slots()
  #overflows: Family | undefined

  counter(
    name: string,
    help: string,
    labelNames: readonly string[] = [],
    options: FamilyOptions = {},
  ): Family {
    return this.#family({ name, help, type: 'counter', labelNames, buckets: [] }, options)
  }

  gauge(name: string, help: string, labelNames: readonly string[] = [], options: FamilyOptions = {}): Family {
    return this.#family({ name, help, type: 'gauge', labelNames, buckets: [] }, options)
  }

  /** `buckets` are upper bounds in growing order, without infinity. */
  histogram(shape: Omit<FamilyShape, 'type'>, options: FamilyOptions = {}): Family {
    return this.#family({ ...shape, type: 'histogram' }, options)
  }

  /** All of it, decoded: for few series. For many see `slices`. */
  snapshot(): MetricsSnapshot {
    const merged = new MergedMetrics()
    for (const slice of this.slices()) merged.add(slice)
    return { families: merged.families }
  }

  /** All of it in slices of some hundred series, for turns of their own; every family is in one at least. */
  *slices(): Generator<MetricsSlice> {
    for (const { series } of this.#families.values()) yield* series.slices(seriesPerSlice)
  }

  #family(shape: FamilyShape, options: FamilyOptions): Family {
    const known = this.#families.get(shape.name)
    if (known !== undefined) {
      assert(dataEqual(known.series.shape, shape), `the metric ${shape.name} is defined in one way only`)
      return known
    }
    checkShape(shape)
    const family = new RegisteredFamily(
      new FamilySeries(shape, options.maxSeries ?? defaultMaxSeries, this.#slots),
      () => this.#countOverflow(shape.name),
    )
    this.#families.set(shape.name, family)
    return family
  }

  #countOverflow(name: string): void {
    this.#overflows ??= this.counter(
      'tulle_metrics_overflow',
      'Label values that found no room in their metric and count as "overflow".',
      ['metric'],
    )
    this.#overflows.bind(name).inc()
  }
}

class RegisteredFamily implements Family {
  readonly series: FamilySeries
  readonly #onOverflow: () => void

  constructor(series: FamilySeries, onOverflow: () => void) {
    this.series = series
    this.#onOverflow = onOverflow
  }

  bind(...labelValues: readonly string[]): Child {
    const { name, labelNames } = this.series.shape
    assert(labelValues.length === labelNames.length, `${name} has ${labelNames.length} labels`)
    const series = this.series.get(labelValues)
    if (series.isOverflow) this.#onOverflow()
    return series
  }

  release(child: Child): void {
    // Every child is made here; another registry's is not found in this family, and nothing happens.
    this.series.release(child as Series)
  }
}

function checkShape({ name, labelNames, buckets }: FamilyShape): void {
  assert(namePattern.test(name), `${name} is a metric name`)
  for (const label of labelNames)
    assert(labelPattern.test(label) && label !== 'le', `${label} is a label name`)
  const rising = buckets.every((bound, i) => Number.isFinite(bound) && bound > (buckets[i - 1] ?? -Infinity))
  assert(rising, `the buckets of ${name} are finite and rise`)
}
