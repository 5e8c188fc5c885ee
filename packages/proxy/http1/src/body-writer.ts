import type { Fields } from './fields.ts'
import type { Output } from './output.ts'

/** How the end of a message's payload is told. */
export const framing = {
  /** There is no payload: what is sent is dropped. */
  none: 0,
  length: 1,
  chunked: 2,
  /** By the end of the connection; also what flows through a tunnel. */
  raw: 3,
} as const

/** Writes the payload of one message after the other. */
export class BodyWriter {
  /** More or fewer bytes than the head said: the connection has to end, so that no message begins in the wrong place. */
  isBroken = false
  readonly #output: Output
  #framing: number = framing.none
  #left = 0

  constructor(output: Output) {
    this.#output = output
  }

  begin(kind: number, length: number = 0): void {
    this.#framing = kind
    this.#left = length
    this.isBroken = false
  }

  /** Whether there is room for more. */
  copy(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#admits(end - start)) return true
    const output = this.#output
    if (this.#framing === framing.chunked) {
      output.chunkSize(end - start)
      output.copy(bytes, start, end)
      output.lineEnd()
    } else output.copy(bytes, start, end)
    return !output.blocked
  }

  slice(bytes: Buffer, start: number, end: number, done: () => void): boolean {
    if (!this.#admits(end - start)) {
      done()
      return true
    }
    const output = this.#output
    if (this.#framing === framing.chunked) {
      output.chunkSize(end - start)
      output.slice(bytes, start, end, done)
      output.lineEnd()
    } else output.slice(bytes, start, end, done)
    return !output.blocked
  }

  end(trailers: Fields | undefined): void {
    if (this.#framing === framing.length && this.#left > 0) this.isBroken = true
    if (this.#framing === framing.chunked) this.#lastChunk(trailers)
  }

  #lastChunk(trailers: Fields | undefined): void {
    trailers?.keepTrailers()
    const added = trailers === undefined ? '' : trailers.addedLines()
    if (added === undefined) {
      this.isBroken = true
      return
    }
    this.#output.text('0\r\n')
    trailers?.writeKept(this.#output, false)
    this.#output.text(`${added}\r\n`)
  }

  #admits(bytes: number): boolean {
    if (bytes <= 0 || this.isBroken || this.#framing === framing.none) return false
    if (this.#framing !== framing.length) return true
    if (bytes > this.#left) {
      this.isBroken = true
      return false
    }
    this.#left -= bytes
    return true
  }
}
