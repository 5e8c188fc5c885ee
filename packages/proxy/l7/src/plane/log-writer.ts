import { write } from 'node:fs'

const maxWaitingBytes = 16 * 1024 * 1024

/** Writes whole chunks to a descriptor in order, one at a time. What a slow or broken one cannot take is dropped, and told. */
export class LogWriter {
  readonly #fd: number
  readonly #onDropped: (bytes: number) => void
  readonly #waiting: Uint8Array[] = []
  #waitingBytes: number = 0
  #writing: boolean = false

  constructor(fd: number, onDropped: (bytes: number) => void) {
    this.#fd = fd
    this.#onDropped = onDropped
  }

  /** Owns the bytes from here on. */
  write(bytes: Uint8Array): void {
    if (this.#waitingBytes + bytes.length > maxWaitingBytes) {
      this.#onDropped(bytes.length)
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (!this.#writing) this.#next()
  }

  #next(): void {
    const chunk = this.#waiting.shift()
    this.#writing = chunk !== undefined
    if (chunk !== undefined) this.#put(chunk)
  }

  #put(chunk: Uint8Array): void {
    write(this.#fd, chunk, (error, written) => {
      if (error !== null) {
        this.#waitingBytes -= chunk.length
        this.#onDropped(chunk.length)
        this.#next()
        return
      }
      this.#waitingBytes -= written
      if (written < chunk.length) this.#put(chunk.subarray(written))
      else this.#next()
    })
  }
}
