/** Place of a bucket and how many are in it; only those that are not empty. */
export type LatencyCounts = readonly (readonly [bucket: number, count: number])[]

/** Buckets of a doubling: a quantile is off by a 32nd at most. */
const perDoubling = 16
/** In ms, of the first bucket. */
const least = 1 / 64
/** From a 64th of a millisecond to about 18 hours. */
const maxBucket = 32 * perDoubling

/**
 * How long things took, in buckets whose width grows with the time, so that a second's worth of requests is a few numbers
 * that can be sent and added up. Times are in ms.
 */
export class LatencyHistogram {
  readonly #counts: Map<number, number> = new Map()
  #total: number = 0

  static of(counts: LatencyCounts): LatencyHistogram {
    const made = new LatencyHistogram()
    made.addCounts(counts)
    return made
  }

  get total(): number {
    return this.#total
  }

  add(ms: number): void {
    this.#addTo(bucketOf(ms), 1)
  }

  /** Those of another. */
  addCounts(counts: LatencyCounts): void {
    for (const [bucket, count] of counts) this.#addTo(bucket, count)
  }

  counts(): LatencyCounts {
    return [...this.#counts].toSorted(([a], [b]) => a - b)
  }

  /** The time within which that share (0–1) were done; undefined where there are none. */
  quantile(share: number): number | undefined {
    const wanted = Math.max(1, Math.ceil(share * this.#total))
    let passed = 0
    for (const [bucket, count] of this.counts()) {
      passed += count
      if (passed >= wanted) return middleOf(bucket)
    }
    return undefined
  }

  #addTo(bucket: number, count: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count)
    this.#total += count
  }
}

function bucketOf(ms: number): number {
  if (!(ms > least)) return 0
  return Math.min(maxBucket, Math.floor(Math.log2(ms / least) * perDoubling) + 1)
}

function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : least * 2 ** ((bucket - 0.5) / perDoubling)
}
