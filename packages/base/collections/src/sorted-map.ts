import { compareText } from '@tulle/core'

/** A map from text whose keys come out in order; sorting waits until somebody asks. */
export class SortedMap<V> {
  readonly #values: Map<string, V> = new Map()
  /** Never changed in place, so that a running iteration stays whole. */
  #keys: readonly string[] | undefined = []

  get size(): number {
    return this.#values.size
  }

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  has(key: string): boolean {
    return this.#values.has(key)
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#keys = undefined
    this.#values.set(key, value)
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys = undefined
  }

  keys(): readonly string[] {
    this.#keys ??= [...this.#values.keys()].toSorted(compareText)
    return this.#keys
  }

  *entries(): Generator<readonly [string, V]> {
    for (const key of this.keys()) {
      const value = this.#values.get(key)
      if (value !== undefined) yield [key, value]
    }
  }
}
