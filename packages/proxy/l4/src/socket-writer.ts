import type { Socket } from 'node:net'

const nothing = Buffer.alloc(0)

export interface WriterOptions {
  readonly socket: Socket
  /** `bytes` that could not leave at once have left, or the socket is gone. */
  onLeft(bytes: number): void
  /** The buffer behind a write that could not leave at once is free again. */
  release(backing: Buffer): void
}

/**
 * Writes to a socket and tells when bytes have left. Most writes leave at once, and cost nothing here; for those
 * that don't, one empty write with a callback marks the place.
 */
export class SocketWriter {
  readonly #socket: Socket
  readonly #options: WriterOptions
  readonly #onMarked: () => void
  #waiting: Buffer[] = []
  #waitingBytes: number = 0
  #marked: Buffer[] = []
  #markedBytes: number = 0
  #marking: boolean = false
  #ended: boolean = false
  bytes: number = 0

  constructor(options: WriterOptions) {
    this.#socket = options.socket
    this.#options = options
    this.#onMarked = () => this.#left()
  }

  /** Bytes that wait for the socket. */
  get backlogBytes(): number {
    return this.#waitingBytes + this.#markedBytes
  }

  /** True when the bytes left at once; else `backing`, which holds them, belongs to the writer until `release`. */
  write(view: Buffer, backing: Buffer): boolean {
    this.bytes += view.length
    this.#socket.write(view)
    if (this.#socket.writableLength === 0) return true
    this.#waiting.push(backing)
    this.#waitingBytes += view.length
    if (!this.#marking) this.#mark()
    return false
  }

  /** What waits still leaves first. Nothing can be written any more, not even a mark: the end itself is the last. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#socket.end(() => this.#allLeft())
  }

  #mark(): void {
    this.#marking = true
    const spare = this.#marked
    this.#marked = this.#waiting
    this.#markedBytes = this.#waitingBytes
    this.#waiting = spare
    this.#waitingBytes = 0
    this.#socket.write(nothing, this.#onMarked)
  }

  #left(): void {
    const bytes = this.#markedBytes
    this.#release(this.#marked)
    this.#markedBytes = 0
    this.#marking = false
    if (this.#waiting.length > 0 && !this.#ended) this.#mark()
    this.#options.onLeft(bytes)
  }

  /** After the last mark, or when the socket is gone. */
  #allLeft(): void {
    const bytes = this.#waitingBytes
    this.#release(this.#waiting)
    this.#waitingBytes = 0
    if (bytes > 0) this.#options.onLeft(bytes)
  }

  #release(backings: Buffer[]): void {
    for (const backing of backings) this.#options.release(backing)
    backings.length = 0
  }
}
