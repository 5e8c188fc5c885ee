const bucketsPerDouble = 64

/** Latencies in buckets 1 % wide: constant memory, no sorting, nothing allocated for a value. */
export class LatencyHistogram {
  readonly #counts: Uint32Array = new Uint32Array(32 * bucketsPerDouble)
  #total: number = 0

  get total(): number {
    return this.#total
  }

  record(microseconds: number): void {
    const bucket = Math.floor(Math.log2(Math.max(1, microseconds)) * bucketsPerDouble)
    const index = Math.min(bucket, this.#counts.length - 1)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#total++
  }

  reset(): void {
    this.#counts.fill(0)
    this.#total = 0
  }

  /** NaN where nothing was recorded. */
  quantile(share: number): number {
    let left = this.#total * share
    for (const [index, count] of this.#counts.entries()) {
      left -= count
      if (count > 0 && left <= 0) return 2 ** ((index + 0.5) / bucketsPerDouble)
    }
    return Number.NaN
  }
}
