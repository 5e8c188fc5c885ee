import type { Rng } from '@tulle/core'

/** Picks one of several by weight. Weights of 0 are never picked. */
export class WeightedChoice<T> {
  readonly #items: readonly T[]
  /** Upper bound of each item's share. */
  readonly #bounds: readonly number[]
  readonly #total: number

  constructor(items: readonly { readonly item: T; readonly weight: number }[]) {
    const taking = items.filter(({ weight }) => weight > 0)
    let total = 0
    this.#bounds = taking.map(({ weight }) => (total += weight))
    this.#items = taking.map(({ item }) => item)
    this.#total = total
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  pick(rng: Rng): T | undefined {
    if (this.#items.length < 2) return this.#items[0]
    const point = rng.next() * this.#total
    const index = this.#bounds.findIndex((bound) => point < bound)
    return this.#items[index < 0 ? this.#items.length - 1 : index]
  }
}
