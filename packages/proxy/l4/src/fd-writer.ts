import { write } from 'node:fs'

export interface FdWriterOptions {
  readonly fd: number
  /** Bytes that may wait; what comes beyond is dropped. */
  readonly maxWaitingBytes: number
  /** So many bytes of lines are lost, because the descriptor is slow or broken. */
  onDropped(bytes: number): void
}

/** Writes whole chunks to a descriptor in order, one at a time. */
export class FdWriter {
  readonly #options: FdWriterOptions
  #waiting: Buffer[] = []
  #waitingBytes: number = 0
  #writing: boolean = false

  constructor(options: FdWriterOptions) {
    this.#options = options
  }

  /** Copies what it is given. */
  write(bytes: Uint8Array): void {
    if (this.#waitingBytes + bytes.length > this.#options.maxWaitingBytes) {
      this.#options.onDropped(bytes.length)
      return
    }
    this.#waiting.push(Buffer.from(bytes))
    this.#waitingBytes += bytes.length
    if (!this.#writing) this.#next()
  }

  #next(): void {
    const chunk = this.#waiting.shift()
    this.#writing = chunk !== undefined
    if (chunk !== undefined) this.#put(chunk)
  }

  #put(chunk: Buffer): void {
    write(this.#options.fd, chunk, (error, written) => {
      const left = chunk.length - (error === null ? written : 0)
      this.#waitingBytes -= chunk.length - (error === null ? left : 0)
      if (error !== null) {
        this.#options.onDropped(chunk.length)
        this.#next()
      } else if (left > 0) this.#put(chunk.subarray(written))
      else this.#next()
    })
  }
}
