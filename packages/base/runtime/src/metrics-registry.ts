import type { FamilySnapshot, MetricsSnapshot, MetricType } from './metrics-snapshot.ts'

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
  /** Counts a value in a histogram. */
  observe(value: number): void
}

export interface Family {
  /** The series with these label values, in the order of the family's label names; the same object each time. */
  bind(...labelValues: readonly string[]): Child
  /** Forgets a series, such as one of a workload that left. Its child must not be used any more. */
  release(child: Child): void
}

const defaultMaxSeries = 10_000
const overflowLabel = 'overflow'

/**
 * Counters, gauges and histograms of one thread. All numbers lie in one Float64Array; a worker sends its
 * `snapshot()` and the main thread sums several with `mergeSnapshots`.
 */
export class MetricsRegistry {
  readonly #families: Map<string, RegisteredFamily> = new Map()
  readonly #slots: Slots = new Slots()

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

  /** Plain data: it may be sent to another thread. */
  snapshot(): MetricsSnapshot {
    return { families: [...this.#families.values()].map((family) => family.snapshot()) }
  }

  #family(shape: FamilyShape, options: FamilyOptions): Family {
    const known = this.#families.get(shape.name)
    if (known !== undefined) return known
    const family = new RegisteredFamily(shape, options.maxSeries ?? defaultMaxSeries, this.#slots)
    this.#families.set(shape.name, family)
    return family
  }
}

export interface FamilyShape {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly labelNames: readonly string[]
  readonly buckets: readonly number[]
}

class RegisteredFamily implements Family {
  readonly #shape: FamilyShape
  readonly #maxSeries: number
  readonly #slots: Slots
  readonly #children: Map<string, Series> = new Map()

  constructor(shape: FamilyShape, maxSeries: number, slots: Slots) {
    this.#shape = shape
    this.#maxSeries = maxSeries
    this.#slots = slots
  }

  bind(...labelValues: readonly string[]): Child {
    const labels = this.#shape.labelNames.map((_, i) => labelValues[i] ?? '')
    const known = this.#children.get(seriesKey(labels))
    if (known !== undefined) return known
    const full = this.#children.size >= this.#maxSeries
    return full ? this.#make(labels.map(() => overflowLabel)) : this.#make(labels)
  }

  release(child: Child): void {
    if (!(child instanceof Series)) return
    const key = seriesKey(child.labels)
    if (this.#children.get(key) !== child) return
    this.#children.delete(key)
    this.#slots.free(child.start, child.length)
  }

  snapshot(): FamilySnapshot {
    const { name, help, type, labelNames, buckets } = this.#shape
    const series = [...this.#children.values()].map((child) => ({
      labels: child.labels,
      values: child.values(),
    }))
    return { name, help, type, labelNames, buckets, series }
  }

  #make(labels: readonly string[]): Series {
    const key = seriesKey(labels)
    const known = this.#children.get(key)
    if (known !== undefined) return known
    const child = new Series(labels, this.#shape.buckets, this.#slots)
    this.#children.set(key, child)
    return child
  }
}

/** One series: `[value]`, or for a histogram a count for each bucket, one for infinity, and the sum. */
class Series implements Child {
  readonly labels: readonly string[]
  readonly start: number
  readonly length: number
  readonly #buckets: readonly number[]
  readonly #slots: Slots

  constructor(labels: readonly string[], buckets: readonly number[], slots: Slots) {
    this.labels = labels
    this.#buckets = buckets
    this.#slots = slots
    this.length = buckets.length === 0 ? 1 : buckets.length + 2
    this.start = slots.allocate(this.length)
  }

  inc(amount: number = 1): void {
    this.#slots.add(this.start, amount)
  }

  set(value: number): void {
    this.#slots.set(this.start, value)
  }

  observe(value: number): void {
    const buckets = this.#buckets
    let i = 0
    while (i < buckets.length && value > (buckets[i] ?? Infinity)) i++
    this.#slots.add(this.start + i, 1)
    this.#slots.add(this.start + this.length - 1, value)
  }

  values(): readonly number[] {
    return this.#slots.read(this.start, this.length)
  }
}

/** The numbers of a registry: one growing array, and lists of freed runs by length. */
class Slots {
  #values: Float64Array = new Float64Array(256)
  #used: number = 0
  readonly #freed: Map<number, number[]> = new Map()

  allocate(length: number): number {
    const again = this.#freed.get(length)?.pop()
    if (again !== undefined) return again
    if (this.#used + length > this.#values.length) {
      const grown = new Float64Array(Math.max(this.#values.length * 2, this.#used + length))
      grown.set(this.#values)
      this.#values = grown
    }
    const start = this.#used
    this.#used += length
    return start
  }

  free(start: number, length: number): void {
    this.#values.fill(0, start, start + length)
    const list = this.#freed.get(length)
    if (list === undefined) this.#freed.set(length, [start])
    else list.push(start)
  }

  add(index: number, amount: number): void {
    this.#values[index] = (this.#values[index] ?? 0) + amount
  }

  set(index: number, value: number): void {
    this.#values[index] = value
  }

  read(start: number, length: number): readonly number[] {
    return Array.from(this.#values.subarray(start, start + length))
  }
}

function seriesKey(labels: readonly string[]): string {
  return labels.join('\u0000')
}
