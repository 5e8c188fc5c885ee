import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { libc } from './libc.ts'
import { MSG_DONTWAIT, MSG_NOSIGNAL } from './linux.ts'
import { socketFd } from './node-handles.ts'

/**
 * Writes what the kernel takes at once past Node's stream, which makes an object and a tick of each write: most writes of a
 * proxy are small answers to peers that wait for them. The stream keeps what the kernel does not take, and the errors.
 */
export class PromptWriter {
  readonly #socket: Socket
  #fd: number = -1

  /** A socket of which only this and its stream write. With TLS, nothing can go past the stream. */
  constructor(socket: Socket) {
    this.#socket = socket
    if (socket instanceof TLSSocket) return
    if (socket.connecting) socket.once('connect', () => (this.#fd = socketFd(socket)))
    else this.#fd = socketFd(socket)
  }

  /**
   * How many of the bytes have left; the others are for the stream. 0 while something waits there, which comes first, and where
   * writing fails: the stream then meets the same error, and tells it as ever.
   */
  write(bytes: Uint8Array, start: number, end: number): number {
    const socket = this.#socket
    // Once a socket is destroyed, its descriptor's number may be another connection's.
    if (this.#fd < 0 || !socket.writable || socket.writableLength > 0) return 0
    const part = start === 0 ? bytes : bytes.subarray(start)
    return Math.max(0, libc.send(this.#fd, part, end - start, MSG_DONTWAIT | MSG_NOSIGNAL))
  }
}
