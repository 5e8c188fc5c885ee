import type { OnReadOpts, Socket } from 'node:net'
import type { Http1Transport } from '@tulle/http1'
import { flushThisTurn } from '@tulle/http2'
import type { Flushable } from '@tulle/http2'
import { PromptWriter } from '@tulle/kernel'
import type { ReadBuffer } from './read-buffer.ts'

/** What is told of a socket: an HTTP/1 connection, or an HTTP/2 session. */
export interface LinkUser {
  /** True: the buffer is still referred to. */
  receive(bytes: Buffer, start: number, end: number): boolean
  onTransportDrain(): void
  /** FIN came; absent where it is the same as the end of everything. */
  onTransportEnd?(): void
  onTransportClose(): void
}

/** Node reads on within a turn while reads come full, up to 32 times: what is in small pieces takes too long for that. */
const maxFullReads = 8

/** A socket on one side, a codec on the other. Reading waits until the codec is there. */
export class SocketLink implements Http1Transport, Flushable {
  readonly onread: OnReadOpts & { readonly buffer: () => Buffer }
  readonly #buffer: ReadBuffer
  #socket: Socket | undefined
  #user: LinkUser | undefined
  #paused: boolean = false
  #fullReads: number = 0
  /** Until the next turn. */
  #resting: boolean = false
  #prompt: PromptWriter | undefined

  constructor(buffer: ReadBuffer) {
    this.#buffer = buffer
    this.onread = { buffer: () => buffer.bytes, callback: (length) => this.#onRead(length) }
  }

  /** The socket, made with `onread` or given it, and whom it serves. */
  attach(socket: Socket, user: LinkUser): void {
    this.#socket = socket
    this.#user = user
    this.#prompt = new PromptWriter(socket)
    socket.on('drain', () => user.onTransportDrain())
    socket.on('end', () =>
      user.onTransportEnd === undefined ? user.onTransportClose() : user.onTransportEnd(),
    )
    // What failed closes as well.
    socket.on('error', () => undefined)
    socket.on('close', () => user.onTransportClose())
  }

  write(bytes: Uint8Array, done: (() => void) | undefined): boolean {
    const socket = this.#socket
    if (socket === undefined || socket.destroyed) {
      done?.()
      return true
    }
    return socket.write(bytes, done)
  }

  writeNow(bytes: Uint8Array, start: number, end: number): number {
    return this.#prompt?.write(bytes, start, end) ?? 0
  }

  end(): void {
    this.#socket?.end()
  }

  destroy(): void {
    this.#socket?.destroy()
  }

  pauseReading(): void {
    this.#paused = true
    this.#socket?.pause()
  }

  resumeReading(): void {
    this.#paused = false
    if (!this.#resting) this.#socket?.resume()
  }

  flushTurn(): void {
    this.#resting = false
    this.#fullReads = 0
    if (!this.#paused) this.#socket?.resume()
  }

  /** Bytes in a buffer of their own. */
  onBytes(bytes: Buffer): void {
    this.#user?.receive(bytes, 0, bytes.length)
  }

  #onRead(length: number): boolean {
    const { bytes } = this.#buffer
    if (this.#user?.receive(bytes, 0, length) === true) this.#buffer.replace()
    if (length < bytes.length) this.#fullReads = 0
    else if (++this.#fullReads === maxFullReads) {
      this.#resting = true
      flushThisTurn(this)
    }
    return !this.#paused && !this.#resting
  }
}
