/** The numbers of a registry: one growing array, and lists of freed runs by length. */
export class Slots {
  #values: Float64Array = new Float64Array(256)
  #used: number = 0
  readonly #freed: Map<number, number[]> = new Map()

  allocate(length: number): number {
    const again = this.#freed.get(length)?.pop()
    if (again !== undefined) return again
    if (this.#used + length > this.#values.length) {
      const grown = new Float64Array(Math.max(this.#values.length * 2, this.#used + length))
      grown.set(this.#values)
      this.#values = grown
    }
    const start = this.#used
    this.#used += length
    return start
  }

  free(start: number, length: number): void {
    this.#values.fill(0, start, start + length)
    const list = this.#freed.get(length)
    if (list === undefined) this.#freed.set(length, [start])
    else list.push(start)
  }

  add(index: number, amount: number): void {
    this.#values[index] = (this.#values[index] ?? 0) + amount
  }

  set(index: number, value: number): void {
    this.#values[index] = value
  }

  get(index: number): number {
    return this.#values[index] ?? 0
  }

  copy(start: number, length: number, into: Float64Array, at: number): void {
    for (let i = 0; i < length; i++) into[at + i] = this.#values[start + i] ?? 0
  }
}
