/** Of a large message only this much is kept: its head. */
const headBytes = 512

/** A gRPC message that has arrived: all of it, or the head where it was larger than what is kept. */
export interface Arrived {
  readonly bytes: Buffer
  readonly whole: boolean
  readonly sizeBytes: number
}

/** Cuts a stream into gRPC messages without keeping the large ones. */
export class MessageReader {
  readonly #maxKeptBytes: number
  readonly #onMessage: (message: Arrived) => void
  #prefix: Buffer = Buffer.alloc(0)
  #sizeBytes: number = -1
  #seenBytes: number = 0
  #parts: Buffer[] = []

  constructor(maxKeptBytes: number, onMessage: (message: Arrived) => void) {
    this.#maxKeptBytes = maxKeptBytes
    this.#onMessage = onMessage
  }

  push(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0;) rest = this.#sizeBytes < 0 ? this.#begin(rest) : this.#take(rest)
  }

  #begin(chunk: Buffer): Buffer {
    const missing = 5 - this.#prefix.length
    this.#prefix = Buffer.concat([this.#prefix, chunk.subarray(0, missing)])
    if (this.#prefix.length < 5) return chunk.subarray(chunk.length)
    this.#sizeBytes = this.#prefix.readUInt32BE(1)
    this.#prefix = Buffer.alloc(0)
    if (this.#sizeBytes === 0) this.#end()
    return chunk.subarray(missing)
  }

  #take(chunk: Buffer): Buffer {
    const part = chunk.subarray(0, this.#sizeBytes - this.#seenBytes)
    const kept = this.#sizeBytes <= this.#maxKeptBytes
    if (kept) this.#parts.push(part)
    // A copy, so that the whole chunk may go.
    else if (this.#seenBytes < headBytes) this.#parts.push(Buffer.from(part.subarray(0, headBytes)))
    this.#seenBytes += part.length
    if (this.#seenBytes === this.#sizeBytes) this.#end()
    return chunk.subarray(part.length)
  }

  #end(): void {
    const [first = Buffer.alloc(0)] = this.#parts
    const bytes = this.#parts.length <= 1 ? first : Buffer.concat(this.#parts)
    const message = { bytes, whole: this.#sizeBytes <= this.#maxKeptBytes, sizeBytes: this.#sizeBytes }
    this.#sizeBytes = -1
    this.#seenBytes = 0
    this.#parts = []
    this.#onMessage(message)
  }
}
