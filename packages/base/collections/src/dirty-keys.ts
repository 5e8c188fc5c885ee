/** How many keys may still be computed in this turn. */
export interface Budget {
  left: number
}

/** Keys that wait to be computed, each once, in the order in which they came. */
export class DirtyKeys {
  readonly #keys: Set<string> = new Set()

  add(key: string): void {
    this.#keys.add(key)
  }

  /** Computes what the budget allows, those that come meanwhile too; whether none is left. */
  drain(budget: Budget, compute: (key: string) => void): boolean {
    for (const key of this.#keys) {
      if (budget.left-- <= 0) return false
      this.#keys.delete(key)
      compute(key)
    }
    return true
  }
}
