const slots = 20

/** How many of something happened lately, in bounded memory: counted in slots of a twentieth of the window. */
export class SlidingCount {
  readonly #slotMs: number
  /** One slot more than the window has, so that both sums can be had. */
  readonly #counts: Uint32Array = new Uint32Array(slots + 1)
  /** The number of the slot that is being filled, since the beginning of time. */
  #slot: number = 0
  #sum: number = 0

  constructor(windowMs: number) {
    this.#slotMs = windowMs / slots
  }

  add(nowMs: number): void {
    this.#moveTo(nowMs)
    const index = this.#slot % this.#counts.length
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#sum++
  }

  /** Nothing older than the window; of its oldest slot's worth, some may be missing. */
  atLeast(nowMs: number): number {
    this.#moveTo(nowMs)
    return this.#sum - (this.#counts[(this.#slot + 1) % this.#counts.length] ?? 0)
  }

  /** Everything within the window, and up to a slot's worth that is older. */
  atMost(nowMs: number): number {
    this.#moveTo(nowMs)
    return this.#sum
  }

  #moveTo(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs)
    const passed = Math.min(slot - this.#slot, this.#counts.length)
    for (let step = 1; step <= passed; step++) {
      const index = (this.#slot + step) % this.#counts.length
      this.#sum -= this.#counts[index] ?? 0
      this.#counts[index] = 0
    }
    if (passed > 0) this.#slot = slot
  }
}
