import { write } from 'node:fs'
import type { Clock } from '@tulle/core'

export interface LogWriterOptions {
  readonly fd: number
  /** Memory of the buffers that may wait, filled or not, in bytes; what comes beyond is dropped. */
  readonly maxWaitingBytes: number
  /** So many bytes of lines are lost, because the descriptor is slow or broken. */
  onDropped(bytes: number): void
}

interface Chunk {
  readonly bytes: Uint8Array
  readonly done: (() => void) | undefined
}

/** Who reads the log may have stopped: an end doesn't wait longer for them. */
const endWithinMs = 1000

/** Writes whole chunks to a descriptor in order, one at a time. */
export class LogWriter {
  readonly #options: LogWriterOptions
  readonly #waiting: Chunk[] = []
  #waitingBytes: number = 0
  #writing: boolean = false
  #onIdle: (() => void) | undefined

  constructor(options: LogWriterOptions) {
    this.#options = options
  }

  /** Owns the bytes until `done`, which is called once, whether they were written or dropped. */
  write(bytes: Uint8Array, done?: () => void): void {
    if (this.#waitingBytes + bytes.buffer.byteLength > this.#options.maxWaitingBytes) {
      this.#options.onDropped(bytes.length)
      done?.()
      return
    }
    this.#waiting.push({ bytes, done })
    this.#waitingBytes += bytes.buffer.byteLength
    if (!this.#writing) this.#next()
  }

  /** Resolves when all that was given is written or dropped, or after a second. */
  async end(clock: Clock): Promise<void> {
    if (!this.#writing) return
    const idle = Promise.withResolvers<void>()
    this.#onIdle = () => idle.resolve()
    using _timer = clock.after(endWithinMs, () => idle.resolve())
    await idle.promise
  }

  #next(): void {
    const chunk = this.#waiting.shift()
    this.#writing = chunk !== undefined
    if (chunk !== undefined) this.#put(chunk.bytes, chunk.done)
    else this.#onIdle?.()
  }

  #put(bytes: Uint8Array, done: (() => void) | undefined): void {
    write(this.#options.fd, bytes, (error, written) => {
      if (error !== null) this.#options.onDropped(bytes.length)
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
