import { compareText } from '@tulle/core'

/** A map from text whose keys come out in order; sorting waits until somebody asks. */
export class SortedMap<V> {
  /** The only entry of a map that never had another, which most of the engine's thousands are: it needs no table. */
  #onlyKey: string | undefined
  #onlyValue: V | undefined
  #values: Map<string, V> | undefined
  /** Never changed in place, so that a running iteration stays whole. */
  #keys: readonly string[] | undefined

  get size(): number {
    return this.#values?.size ?? (this.#onlyKey === undefined ? 0 : 1)
  }

  get(key: string): V | undefined {
    if (this.#values !== undefined) return this.#values.get(key)
    return key === this.#onlyKey ? this.#onlyValue : undefined
  }

  set(key: string, value: V): void {
    if (this.#values === undefined && (this.#onlyKey === undefined || this.#onlyKey === key)) {
      this.#onlyKey = key
      this.#onlyValue = value
      return
    }
    const values = this.#values ?? this.#unfold()
    const { size } = values
    values.set(key, value)
    if (values.size !== size) this.#keys = undefined
  }

  delete(key: string): void {
    if (this.#values === undefined) {
      if (key === this.#onlyKey) this.#onlyKey = this.#onlyValue = undefined
    } else if (this.#values.delete(key)) this.#keys = undefined
  }

  keys(): readonly string[] {
    if (this.#values === undefined) return this.#onlyKey === undefined ? [] : [this.#onlyKey]
    this.#keys ??= [...this.#values.keys()].toSorted(compareText)
    return this.#keys
  }

  *entries(): Generator<readonly [string, V]> {
    for (const key of this.keys()) {
      const value = this.get(key)
      if (value !== undefined) yield [key, value]
    }
  }

  #unfold(): Map<string, V> {
    const values = new Map<string, V>()
    if (this.#onlyKey !== undefined && this.#onlyValue !== undefined)
      values.set(this.#onlyKey, this.#onlyValue)
    this.#onlyKey = this.#onlyValue = undefined
    this.#values = values
    return values
  }
}
