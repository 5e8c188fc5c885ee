/** Pieces smaller than this share memory: a peer that sends byte by byte must not have each cost an object. */
const sharedPieceBytes = 4096

/** Payload that waits, copied out of buffers that are used again. It costs little more memory than it has bytes, however it came. */
export class HeldPayload {
  readonly #pieces: Buffer[] = []
  /** Of the first piece, what has been taken already. */
  #taken = 0
  /** Of the last piece, what is filled. */
  #filled = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /** Memory of all of it. */
  get memoryBytes(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, 0)
  }

  /** Takes a copy. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes += end - start
    let from = start
    const last = this.#pieces.at(-1)
    if (last !== undefined && this.#filled < last.length) {
      const piece = Math.min(end - from, last.length - this.#filled)
      last.set(bytes.subarray(from, from + piece), this.#filled)
      this.#filled += piece
      from += piece
    }
    if (from === end) return
    // Slow: not cut from Node's shared pool, whose other users would keep it alive.
    const next = Buffer.allocUnsafeSlow(Math.max(end - from, sharedPieceBytes))
    next.set(bytes.subarray(from, end))
    this.#pieces.push(next)
    this.#filled = end - from
  }

  /** The next bytes, at most so many, which it lets go of; undefined where there are none. */
  take(maxBytes: number): Buffer | undefined {
    const [first] = this.#pieces
    if (first === undefined || maxBytes <= 0) return undefined
    const filled = this.#pieces.length === 1 ? this.#filled : first.length
    const start = this.#taken
    const end = Math.min(filled, start + maxBytes)
    this.#bytes -= end - start
    this.#taken = end
    if (end === filled) {
      this.#pieces.shift()
      this.#taken = 0
    }
    return first.subarray(start, end)
  }

  /** All of it in order; it stays. */
  forEach(visit: (bytes: Buffer, start: number, end: number) => void): void {
    const lastIndex = this.#pieces.length - 1
    for (const [index, piece] of this.#pieces.entries())
      visit(piece, index === 0 ? this.#taken : 0, index === lastIndex ? this.#filled : piece.length)
  }

  clear(): void {
    this.#pieces.length = 0
    this.#taken = 0
    this.#filled = 0
    this.#bytes = 0
  }
}
