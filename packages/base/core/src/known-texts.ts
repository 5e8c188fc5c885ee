/**
 * What was made of texts that come again and again, such as the authority and the baggage of each connection between
 * the same two workloads. Bounded: a peer that sends ever new ones only costs itself the benefit.
 */
export class KnownTexts<T> {
  readonly #values: Map<string, T> = new Map()
  readonly #maxEntries: number
  readonly #maxLength: number

  constructor(limits: { readonly maxEntries: number; readonly maxLength: number }) {
    this.#maxEntries = limits.maxEntries
    this.#maxLength = limits.maxLength
  }

  /** `make(text)`, or what it gave before: it must depend on nothing else, and nobody may change what it gives. */
  get(text: string, make: (text: string) => T): T {
    if (text.length > this.#maxLength) return make(text)
    const known = this.#values.get(text)
    if (known !== undefined) return known
    const made = make(text)
    if (this.#values.size >= this.#maxEntries) this.#values.clear()
    this.#values.set(text, made)
    return made
  }
}
