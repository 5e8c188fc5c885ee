import { write } from 'node:fs'

/** Memory of the buffers that wait, filled or not. */
const maxWaitingBytes = 16 * 1024 * 1024

interface Chunk {
  readonly bytes: Uint8Array
  readonly done: (() => void) | undefined
}

/** Writes whole chunks to a descriptor in order, one at a time. What a slow or broken one cannot take is dropped, and told. */
export class LogWriter {
  readonly #fd: number
  readonly #onDropped: (bytes: number) => void
  readonly #waiting: Chunk[] = []
  #waitingBytes: number = 0
  #writing: boolean = false

  constructor(fd: number, onDropped: (bytes: number) => void) {
    this.#fd = fd
    this.#onDropped = onDropped
  }

  /** Owns the bytes until `done`, which is called once, whether they were written or dropped. */
  write(bytes: Uint8Array, done?: () => void): void {
    if (this.#waitingBytes + bytes.buffer.byteLength > maxWaitingBytes) {
      this.#onDropped(bytes.length)
      done?.()
      return
    }
    this.#waiting.push({ bytes, done })
    this.#waitingBytes += bytes.buffer.byteLength
    if (!this.#writing) this.#next()
  }

  #next(): void {
    const chunk = this.#waiting.shift()
    this.#writing = chunk !== undefined
    if (chunk !== undefined) this.#put(chunk.bytes, chunk.done)
  }

  #put(bytes: Uint8Array, done: (() => void) | undefined): void {
    write(this.#fd, bytes, (error, written) => {
      if (error !== null) this.#onDropped(bytes.length)
      else if (written < bytes.length) {
        this.#put(bytes.subarray(written), done)
        return
      }
      this.#waitingBytes -= bytes.buffer.byteLength
      done?.()
      this.#next()
    })
  }
}
