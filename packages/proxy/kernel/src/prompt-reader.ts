import type { Socket } from 'node:net'
import { getSystemErrorName } from 'node:util'
import { lastErrno, libc } from './libc.ts'
import { EAGAIN, EINTR, MSG_DONTWAIT } from './linux.ts'
import { socketFd } from './node-handles.ts'
import { forgetDescriptor, unwatchDescriptor, watchDescriptor } from './ready-descriptors.ts'
import type { ReadyReader } from './ready-descriptors.ts'

/** Where bytes land, and who is told. */
export interface Landing {
  /** The buffer of the next read. */
  readonly bytes: Uint8Array
  /** So many bytes were read into it. */
  onRead(length: number): unknown
}

/**
 * Reads a TCP socket past Node's stream, for which a read costs two calls into JavaScript and a callback scope. The stream
 * stays paused until its peer's FIN, which it is told of and tells as ever; whoever fails is closed.
 */
export class PromptReader implements ReadyReader {
  readonly #socket: Socket
  readonly #landing: Landing
  #fd: number = -1
  #isWanted: boolean = true
  #isWatched: boolean = false
  #isEnded: boolean = false

  /** A paused socket without TLS, of which its stream has read nothing, connected or about to be. Reads at once. */
  constructor(socket: Socket, landing: Landing) {
    this.#socket = socket
    this.#landing = landing
    socket.once('close', () => this.#onClose())
    if (socket.connecting) socket.once('connect', () => this.#begin())
    else this.#begin()
  }

  resume(): void {
    this.#isWanted = true
    if (this.#isEnded || this.#isWatched || this.#fd < 0 || this.#socket.destroyed) return
    try {
      watchDescriptor(this.#fd, this)
      this.#isWatched = true
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : undefined)
    }
  }

  /** What comes meanwhile waits in the kernel. */
  pause(): void {
    // It is watched until something comes: most pauses are over by then.
    this.#isWanted = false
  }

  onReady(): boolean {
    // Once a socket is destroyed, its descriptor's number may be another connection's.
    if (this.#socket.destroyed) return false
    if (!this.#isWanted || this.#isEnded) {
      this.#unwatch()
      return false
    }
    const { bytes } = this.#landing
    const room = bytes.length
    const length = libc.recv(this.#fd, bytes, room, MSG_DONTWAIT)
    if (length > 0) this.#landing.onRead(length)
    else this.#onNothing(length < 0 ? lastErrno() : 0)
    return length === room || this.#isEnded
  }

  #onNothing(errno: number): void {
    if (errno === EAGAIN || errno === EINTR) return
    if (errno === 0) {
      this.#end()
      return
    }
    this.#unwatch()
    this.#socket.destroy(readError(errno))
  }

  #begin(): void {
    this.#fd = socketFd(this.#socket)
    if (this.#isWanted) this.resume()
  }

  /**
   * As Node tells a stream of a FIN that it read; to find it by itself, it would have to watch the descriptor too. Ours is
   * watched until the next turn: many are closed by then.
   */
  #end(): void {
    this.#isEnded = true
    this.#socket.push(null)
    this.#socket.read(0)
  }

  #unwatch(): void {
    this.#isWatched = false
    unwatchDescriptor(this.#fd, this)
  }

  #onClose(): void {
    if (!this.#isWatched) return
    this.#isWatched = false
    forgetDescriptor(this.#fd, this)
  }
}

/** As Node tells it. */
function readError(errno: number): Error {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`read ${code}`), { errno: -errno, code, syscall: 'read' })
}
