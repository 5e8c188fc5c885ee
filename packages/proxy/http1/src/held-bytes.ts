/** Bytes for which it is not time yet. They are copied once, as the buffer that they came in is used again. */
export class HeldBytes {
  #bytes: Buffer | undefined
  /** The one that was given out last: ours already. */
  #own: Buffer | undefined

  get isEmpty(): boolean {
    return this.#bytes === undefined
  }

  get length(): number {
    return this.#bytes?.length ?? 0
  }

  add(bytes: Buffer, start: number, end: number): void {
    const piece = bytes.subarray(start, end)
    if (this.#bytes !== undefined) this.#bytes = Buffer.concat([this.#bytes, piece])
    else this.#bytes = bytes === this.#own ? piece : Buffer.from(piece)
    this.#own = undefined
  }

  /** All of them; nothing is held afterwards. */
  take(): Buffer {
    const bytes = this.#bytes ?? Buffer.alloc(0)
    this.#bytes = undefined
    this.#own = bytes
    return bytes
  }

  drop(): void {
    this.#bytes = undefined
    this.#own = undefined
  }
}
