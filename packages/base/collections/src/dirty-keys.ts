/** How many keys may still be computed in this turn. */
export interface Budget {
  left: number
}

const none: readonly string[] = []

/** Keys that wait to be computed, each once, in the order in which they came. */
export class DirtyKeys {
  readonly #keys: Set<string> = new Set()
  /** What was there at the beginning, and how far that has been computed. */
  #first: readonly string[] = none
  #firstDone: number = 0

  add(key: string): void {
    this.#keys.add(key)
  }

  /** As `add` for each of the keys, no two of which are the same; a list is read faster than a set is filled. */
  addAll(keys: readonly string[]): void {
    if (this.#first.length === 0 && this.#keys.size === 0) this.#first = keys
    else for (const key of keys) this.#keys.add(key)
  }

  /**
   * Computes what the budget allows, those that come meanwhile too; whether none is left. Of keys that were there at the
   * beginning, `isFirst` says that none has been computed before.
   */
  drain(budget: Budget, compute: (key: string, isFirst: boolean) => void): boolean {
    for (let key = this.#first[this.#firstDone]; key !== undefined; key = this.#first[this.#firstDone]) {
      if (budget.left-- <= 0) return false
      this.#firstDone++
      compute(key, true)
    }
    this.#first = none
    this.#firstDone = 0
    for (const key of this.#keys) {
      if (budget.left-- <= 0) return false
      this.#keys.delete(key)
      compute(key, false)
    }
    return true
  }
}
