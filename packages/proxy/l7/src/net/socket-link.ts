import type { OnReadOpts, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Http1Transport } from '@tulle/http1'
import { PromptReader, PromptWriter } from '@tulle/kernel'
import type { Landing } from '@tulle/kernel'
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

/** A socket on one side, a codec on the other. Reading waits until the codec is there. */
export class SocketLink implements Http1Transport, Landing {
  readonly #buffer: ReadBuffer
  #socket: Socket | undefined
  #user: LinkUser | undefined
  #paused: boolean = false
  #reader: PromptReader | undefined
  #writer: PromptWriter | undefined

  constructor(buffer: ReadBuffer) {
    this.#buffer = buffer
  }

  /** For a socket with TLS. */
  get onread(): OnReadOpts & { readonly buffer: () => Buffer } {
    return { buffer: () => this.bytes, callback: (length) => this.onRead(length) }
  }

  get bytes(): Buffer {
    return this.#buffer.bytes
  }

  /** The socket and whom it serves. With TLS it was given `onread`, else it is paused. */
  attach(socket: Socket, user: LinkUser): void {
    this.#socket = socket
    this.#user = user
    if (!(socket instanceof TLSSocket)) {
      this.#reader = new PromptReader(socket, this)
      this.#writer = new PromptWriter(socket)
    }
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
    return this.#writer?.write(bytes, start, end) ?? 0
  }

  end(): void {
    this.#socket?.end()
  }

  destroy(): void {
    this.#socket?.destroy()
  }

  pauseReading(): void {
    this.#paused = true
    if (this.#reader === undefined) this.#socket?.pause()
    else this.#reader.pause()
  }

  resumeReading(): void {
    this.#paused = false
    if (this.#reader === undefined) this.#socket?.resume()
    else this.#reader.resume()
  }

  /** Bytes in a buffer of their own. */
  onBytes(bytes: Buffer): void {
    this.#user?.receive(bytes, 0, bytes.length)
  }

  onRead(length: number): boolean {
    if (this.#user?.receive(this.bytes, 0, length) === true) this.#buffer.replace()
    return !this.#paused
  }
}
