/** How many of something each address has. Addresses that have none take no memory. */
export class PerSource {
  readonly #counts: Map<string, number> = new Map()

  of(source: string): number {
    return this.#counts.get(source) ?? 0
  }

  add(source: string): void {
    this.#counts.set(source, this.of(source) + 1)
  }

  remove(source: string): void {
    const left = this.of(source) - 1
    if (left > 0) this.#counts.set(source, left)
    else this.#counts.delete(source)
  }

  /** Addresses that have some. */
  get size(): number {
    return this.#counts.size
  }
}
