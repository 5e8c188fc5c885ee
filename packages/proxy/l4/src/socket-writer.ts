import { flushThisTurn } from '@tulle/core'
import type { Flushable } from '@tulle/core'
import type { PlainSocket } from '@tulle/kernel'

/** A piece of this size is a sign of bulk: the next one is probably on its way already. */
const gatherFromBytes = 8192
/** Pieces below this are copied together behind a socket that is full: each of them alone would hold a whole buffer. */
const copyBelowBytes = 2048
const tailBytes = 4096

export interface WriterOptions {
  readonly socket: PlainSocket
  /** `bytes` that could not leave at once have left, or the socket is gone. */
  onLeft(bytes: number): void
  /** Bytes in this buffer wait: it must stay as it is until it was released as often as it was kept. */
  keep(backing: Buffer): void
  release(backing: Buffer): void
}

/**
 * Writes to a socket and tells when bytes have left. Most writes leave at once, and cost nothing here. Pieces that lie
 * side by side and come in one turn of the event loop leave in one write.
 */
export class SocketWriter implements Flushable {
  readonly #socket: PlainSocket
  readonly #options: WriterOptions
  #waitingBytes: number = 0
  /** Not written yet, as more of it may come in this turn: `#gathered[#start, #end)`. */
  #gathered: Buffer | undefined
  #start: number = 0
  #end: number = 0
  #scheduled: boolean = false
  /** Small pieces that wait behind the socket. */
  #tail: Buffer | undefined
  #tailEnd: number = 0
  #ended: boolean = false
  bytes: number = 0

  constructor(options: WriterOptions) {
    this.#socket = options.socket
    this.#options = options
  }

  /** Bytes that wait for the socket. */
  get backlogBytes(): number {
    return this.#waitingBytes + this.#tailEnd
  }

  /** True when the bytes left at once; else `backing` is kept, and `onLeft` tells. */
  write(backing: Buffer, start: number, end: number): boolean {
    this.bytes += end - start
    this.#flushGathered()
    this.#flushTail()
    if (this.#send(backing.subarray(start, end), backing)) return true
    this.#options.keep(backing)
    return false
  }

  /** Takes a copy if it is better not to keep the buffer: a few bytes that wait would hold all of it. */
  copied(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start
    if (length >= copyBelowBytes || this.backlogBytes === 0) return false
    this.bytes += length
    this.#flushGathered()
    if (this.#tailEnd + length > tailBytes) this.#flushTail()
    this.#tail ??= Buffer.allocUnsafeSlow(tailBytes)
    this.#tailEnd += bytes.copy(this.#tail, this.#tailEnd, start, end)
    return true
  }

  /** The same, but large pieces may wait until the end of the turn for others that lie behind them. */
  gather(backing: Buffer, start: number, end: number): boolean {
    const isLarge = end - start >= gatherFromBytes
    if (backing === this.#gathered && start === this.#end) {
      this.bytes += end - start
      this.#end = end
      if (!isLarge) this.#flushGathered()
      return false
    }
    if (!isLarge) return !this.copied(backing, start, end) && this.write(backing, start, end)
    this.bytes += end - start
    this.#flushGathered()
    this.#options.keep(backing)
    this.#gathered = backing
    this.#start = start
    this.#end = end
    if (!this.#scheduled) {
      this.#scheduled = true
      flushThisTurn(this)
    }
    return false
  }

  flushTurn(): void {
    this.#scheduled = false
    this.#flushGathered()
  }

  /** What waits still leaves first. */
  end(): void {
    if (this.#ended) return
    this.#flushGathered()
    this.#flushTail()
    this.#ended = true
    this.#socket.end()
  }

  /** The socket is gone. */
  close(): void {
    const lost = this.#tailEnd + (this.#gathered === undefined ? 0 : this.#end - this.#start)
    if (this.#gathered !== undefined) this.#options.release(this.#gathered)
    this.#gathered = undefined
    this.#tail = undefined
    this.#tailEnd = 0
    if (lost > 0) this.#options.onLeft(lost)
  }

  #flushGathered(): void {
    const backing = this.#gathered
    if (backing === undefined) return
    this.#gathered = undefined
    this.#flushTail()
    if (!this.#send(backing.subarray(this.#start, this.#end), backing)) return
    this.#options.release(backing)
    this.#options.onLeft(this.#end - this.#start)
  }

  #flushTail(): void {
    const tail = this.#tail
    if (tail === undefined) return
    const length = this.#tailEnd
    this.#tail = undefined
    this.#tailEnd = 0
    if (this.#send(tail.subarray(0, length), undefined)) this.#options.onLeft(length)
  }

  #send(bytes: Buffer, backing: Buffer | undefined): boolean {
    const sent = this.#socket.writeNow(bytes, 0, bytes.length)
    if (sent === bytes.length) return true
    this.#waitingBytes += bytes.length
    this.#socket.write(sent === 0 ? bytes : bytes.subarray(sent), () => this.#left(bytes.length, backing))
    return false
  }

  /** Or never will. */
  #left(bytes: number, backing: Buffer | undefined): void {
    if (backing !== undefined) this.#options.release(backing)
    this.#waitingBytes -= bytes
    if (this.#waitingBytes === 0 && !this.#ended) this.#flushTail()
    this.#options.onLeft(bytes)
  }
}
