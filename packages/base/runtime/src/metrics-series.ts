import type { Slots } from './metrics-slots.ts'
import { labelText } from './label-text.ts'
import { widthOf } from './metrics-snapshot.ts'
import type { Exemplar, FamilyShape, MetricsSlice, PlacedExemplar } from './metrics-snapshot.ts'

const overflowLabel = 'overflow'
/** Snapshots without a change after which a series may make room for another. */
const idleSnapshots = 2
/** Series that are unchanged for longer are all the same. */
const maxIdleCount = 1000

/** The series of one family, by label values, up to a cap. */
export class FamilySeries {
  readonly shape: FamilyShape
  readonly slots: Slots
  readonly #maxSeries: number
  readonly #byText: Map<string, Series> = new Map()
  /** What the last snapshot found unchanged, by for how many: none is gone through to find the longest. */
  #idle: Series[][] = []
  #overflow: Series | undefined

  constructor(shape: FamilyShape, maxSeries: number, slots: Slots) {
    this.shape = shape
    this.slots = slots
    this.#maxSeries = maxSeries
  }

  get(labelValues: readonly string[]): Series {
    const text = labelText(this.shape.labelNames, labelValues)
    const known = this.#byText.get(text)
    if (known !== undefined) return known
    if (!this.#hasRoom()) return this.#overflowSeries()
    const series = new Series(this, text, false)
    this.#attach(series)
    return series
  }

  /** Where a series that made room for another counts now: in its place again, or with the overflow. */
  placeOf(series: Series): number {
    const heir = this.#byText.get(series.text)
    // Bound anew meanwhile: both count on the same numbers.
    if (heir !== undefined) return heir.place()
    if (!this.#hasRoom()) return this.#overflowSeries().start
    this.#attach(series)
    return series.start
  }

  release(series: Series): void {
    if (this.#byText.get(series.text) === series) this.#detach(series)
  }

  /** All series, at most `maxSeries` at a time; at least one slice, which may be empty. What changes meanwhile may show or not. */
  *slices(maxSeries: number): Generator<MetricsSlice> {
    const idle: Series[][] = []
    let series: Series[] = []
    for (const one of this.#byText.values()) {
      if (one.isIdle()) (idle[Math.min(one.idleCount, maxIdleCount)] ??= []).push(one)
      series.push(one)
      if (series.length < maxSeries) continue
      yield this.#slice(series)
      series = []
    }
    this.#idle = idle
    if (this.#overflow !== undefined) series.push(this.#overflow)
    yield this.#slice(series)
  }

  #slice(series: readonly Series[]): MetricsSlice {
    const width = widthOf(this.shape)
    const values = new Float64Array(series.length * width)
    for (const [i, { start }] of series.entries()) this.slots.copy(start, width, values, i * width)
    const exemplars = series.flatMap((one, i) => one.placedExemplars(i))
    const texts = series.map(({ text }) => text)
    return { shape: this.shape, texts, values, ...(exemplars.length === 0 ? {} : { exemplars }) }
  }

  #attach(series: Series): void {
    series.start = this.slots.allocate(series.length)
    this.#byText.set(series.text, series)
  }

  #hasRoom(): boolean {
    if (this.#byText.size < this.#maxSeries) return true
    for (let idle = this.#takeIdle(); idle !== undefined; idle = this.#takeIdle()) {
      if (!idle.mayLeave() || this.#byText.get(idle.text) !== idle) continue
      this.#detach(idle)
      return true
    }
    return false
  }

  /** One of those that are unchanged the longest. */
  #takeIdle(): Series | undefined {
    for (;;) {
      const longest = this.#idle.at(-1)
      if (longest === undefined && this.#idle.length === 0) return undefined
      const series = longest?.pop()
      if (series !== undefined) return series
      this.#idle.pop()
    }
  }

  #detach(series: Series): void {
    this.#byText.delete(series.text)
    this.slots.free(series.start, series.length)
    series.start = detached
    series.forgetExemplars()
  }

  #overflowSeries(): Series {
    if (this.#overflow !== undefined) return this.#overflow
    const { labelNames } = this.shape
    const labels = labelNames.map(() => overflowLabel)
    this.#overflow = new Series(this, labelText(labelNames, labels), true)
    this.#overflow.start = this.slots.allocate(this.#overflow.length)
    return this.#overflow
  }
}

const detached = -1
const none: readonly PlacedExemplar[] = []

/** One series: `[value]`, or for a histogram a count for each bucket, one for infinity, and the sum. */
export class Series {
  /** Its labels. */
  readonly text: string
  /** Of all that found no room. */
  readonly isOverflow: boolean
  readonly length: number
  /** Index of its first number; `detached` once it made room for another. */
  start: number = detached
  idleCount: number = 0
  #changed: boolean = true
  /** By bucket; none before the first. */
  #exemplars: (Exemplar | undefined)[] | undefined
  readonly #family: FamilySeries

  constructor(family: FamilySeries, text: string, isOverflow: boolean) {
    this.#family = family
    this.text = text
    this.isOverflow = isOverflow
    this.length = widthOf(family.shape)
  }

  inc(amount: number = 1): void {
    this.#family.slots.add(this.place(), amount)
  }

  set(value: number): void {
    this.#family.slots.set(this.place(), value)
  }

  observe(value: number, exemplar?: Omit<Exemplar, 'value'>): void {
    const { buckets } = this.#family.shape
    const at = this.place()
    let i = 0
    while (i < buckets.length && value > (buckets[i] ?? Infinity)) i++
    this.#family.slots.add(at + i, 1)
    this.#family.slots.add(at + this.length - 1, value)
    // One that made room for another has no place of its own for it.
    if (exemplar !== undefined && this.start === at)
      (this.#exemplars ??= Array.from({ length: buckets.length + 1 }))[i] = { ...exemplar, value }
  }

  /** With its place in a slice. */
  placedExemplars(series: number): readonly PlacedExemplar[] {
    if (this.#exemplars === undefined) return none
    return this.#exemplars.flatMap((exemplar, bucket) =>
      exemplar === undefined ? [] : [{ ...exemplar, series, bucket }],
    )
  }

  forgetExemplars(): void {
    this.#exemplars = undefined
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
