import type { Slots } from './metrics-slots.ts'
import type { FamilySnapshot, MetricType } from './metrics-snapshot.ts'

export interface FamilyShape {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly labelNames: readonly string[]
  readonly buckets: readonly number[]
}

const overflowLabel = 'overflow'
const maxLabelLength = 256
/** Snapshots without a change after which a series may make room for another. */
const idleSnapshots = 2

/** The series of one family, by label values, up to a cap. */
export class FamilySeries {
  readonly shape: FamilyShape
  readonly slots: Slots
  readonly #maxSeries: number
  readonly #byKey: Map<string, Series> = new Map()
  /** What the last snapshot found unchanged, the longest last. */
  #idle: Series[] = []
  #overflow: Series | undefined

  constructor(shape: FamilyShape, maxSeries: number, slots: Slots) {
    this.shape = shape
    this.slots = slots
    this.#maxSeries = maxSeries
  }

  get(labelValues: readonly string[]): Series {
    const labels = labelValues.map(cleanLabel)
    const key = JSON.stringify(labels)
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    if (!this.#hasRoom()) return this.#overflowSeries()
    const series = new Series(this, key, labels)
    this.#attach(series)
    return series
  }

  /** Where a series that made room for another counts now: in its place again, or with the overflow. */
  placeOf(series: Series): number {
    const heir = this.#byKey.get(series.key)
    // Bound anew meanwhile: both count on the same numbers.
    if (heir !== undefined) return heir.place()
    if (!this.#hasRoom()) return this.#overflowSeries().start
    this.#attach(series)
    return series.start
  }

  release(series: Series): void {
    if (this.#byKey.get(series.key) === series) this.#detach(series)
  }

  snapshot(): FamilySnapshot {
    const shown = [...this.#byKey.values()]
    this.#idle = shown.filter((series) => series.isIdle()).toSorted((a, b) => a.idleCount - b.idleCount)
    if (this.#overflow !== undefined) shown.push(this.#overflow)
    const { name, help, type, labelNames, buckets } = this.shape
    return { name, help, type, labelNames, buckets, series: shown.map((one) => one.snapshot()) }
  }

  #attach(series: Series): void {
    series.start = this.slots.allocate(series.length)
    this.#byKey.set(series.key, series)
  }

  #hasRoom(): boolean {
    if (this.#byKey.size < this.#maxSeries) return true
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.mayLeave() || this.#byKey.get(idle.key) !== idle) continue
      this.#detach(idle)
      return true
    }
    return false
  }

  #detach(series: Series): void {
    this.#byKey.delete(series.key)
    this.slots.free(series.start, series.length)
    series.start = detached
  }

  #overflowSeries(): Series {
    if (this.#overflow !== undefined) return this.#overflow
    this.#overflow = new Series(
      this,
      '',
      this.shape.labelNames.map(() => overflowLabel),
    )
    this.#overflow.start = this.slots.allocate(this.#overflow.length)
    return this.#overflow
  }
}

const detached = -1

/** One series: `[value]`, or for a histogram a count for each bucket, one for infinity, and the sum. */
export class Series {
  readonly key: string
  readonly labels: readonly string[]
  readonly length: number
  /** Index of its first number; `detached` once it made room for another. */
  start: number = detached
  idleCount: number = 0
  #changed: boolean = true
  readonly #family: FamilySeries

  constructor(family: FamilySeries, key: string, labels: readonly string[]) {
    this.#family = family
    this.key = key
    this.labels = labels
    this.length = family.shape.type === 'histogram' ? family.shape.buckets.length + 2 : 1
  }

  get isOverflow(): boolean {
    return this.key === ''
  }

  inc(amount: number = 1): void {
    this.#family.slots.add(this.place(), amount)
  }

  set(value: number): void {
    this.#family.slots.set(this.place(), value)
  }

  observe(value: number): void {
    const { buckets } = this.#family.shape
    const at = this.place()
    let i = 0
    while (i < buckets.length && value > (buckets[i] ?? Infinity)) i++
    this.#family.slots.add(at + i, 1)
    this.#family.slots.add(at + this.length - 1, value)
  }

  snapshot(): FamilySnapshot['series'][number] {
    return { labels: this.labels, values: this.#family.slots.read(this.start, this.length) }
  }

  /** Asked once a snapshot: counts those without a change. */
  isIdle(): boolean {
    this.idleCount = this.#changed ? 0 : this.idleCount + 1
    this.#changed = false
    return this.mayLeave()
  }

  /** A gauge that stands at something would come back at 0, and be wrong from then on. */
  mayLeave(): boolean {
    if (this.#changed || this.idleCount < idleSnapshots) return false
    return this.#family.shape.type !== 'gauge' || this.#family.slots.get(this.start) === 0
  }

  /** Where to count. Hot: two loads and a store, unless the series had made room for another. */
  place(): number {
    this.#changed = true
    return this.start === detached ? this.#family.placeOf(this) : this.start
  }
}

function cleanLabel(text: string): string {
  return (text.length <= maxLabelLength ? text : text.slice(0, maxLabelLength)).toWellFormed()
}
