import type { Http1Transport } from '@tulle/http1'
import type { PlainSocket, PlainSocketUser } from '@tulle/kernel'
import { tellEnd } from './link-user.ts'
import type { LinkUser } from './link-user.ts'
import type { ReadBuffer } from './read-buffer.ts'

/** A connection without TLS on one side, a codec on the other. Reading waits until the codec is there. */
export class PlainLink implements Http1Transport, PlainSocketUser {
  readonly #socket: PlainSocket
  readonly #buffer: ReadBuffer
  #user: LinkUser | undefined

  /** Of a connection that is there or being made, of which nothing was read. */
  constructor(socket: PlainSocket, buffer: ReadBuffer) {
    this.#socket = socket
    this.#buffer = buffer
  }

  attach(user: LinkUser): void {
    this.#user = user
    this.#socket.attach(this)
  }

  write(bytes: Uint8Array, done: (() => void) | undefined): boolean {
    return this.#socket.write(bytes, done)
  }

  writeNow(bytes: Uint8Array, start: number, end: number): number {
    return this.#socket.writeNow(bytes, start, end)
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  pauseReading(): void {
    this.#socket.pauseReading()
  }

  resumeReading(): void {
    this.#socket.resumeReading()
  }

  get bytes(): Buffer {
    return this.#buffer.bytes
  }

  onRead(length: number): void {
    if (this.#user?.receive(this.bytes, 0, length) === true) this.#buffer.replace()
  }

  onEnd(): void {
    if (this.#user !== undefined) tellEnd(this.#user)
  }

  onDrain(): void {
    this.#user?.onTransportDrain()
  }

  onClose(): void {
    this.#user?.onTransportClose()
  }
}
