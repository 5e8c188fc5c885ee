import type { OnReadOpts } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Http1Transport } from '@tulle/http1'
import { tellEnd } from './link-user.ts'
import type { LinkUser } from './link-user.ts'
import type { ReadBuffer } from './read-buffer.ts'

/** A TLS socket on one side, a codec on the other. */
export class TlsLink implements Http1Transport {
  readonly #buffer: ReadBuffer
  #socket: TLSSocket | undefined
  #user: LinkUser | undefined
  #paused: boolean = false

  constructor(buffer: ReadBuffer) {
    this.#buffer = buffer
  }

  /** For the socket. */
  get onread(): OnReadOpts & { readonly buffer: () => Buffer } {
    return { buffer: () => this.#buffer.bytes, callback: (length) => this.#onRead(length) }
  }

  /** The socket, which was given `onread`, and whom it serves. */
  attach(socket: TLSSocket, user: LinkUser): void {
    this.#socket = socket
    this.#user = user
    socket.on('drain', () => user.onTransportDrain())
    socket.on('end', () => tellEnd(user))
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
    this.#socket?.resume()
  }

  /** Bytes in a buffer of their own. */
  onBytes(bytes: Buffer): void {
    this.#user?.receive(bytes, 0, bytes.length)
  }

  #onRead(length: number): boolean {
    if (this.#user?.receive(this.#buffer.bytes, 0, length) === true) this.#buffer.replace()
    return !this.#paused
  }
}
