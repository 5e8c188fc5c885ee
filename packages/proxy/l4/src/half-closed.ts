import type { Socket } from 'node:net'
import { MeshError } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { isConnectionOver, socketFd } from '@tulle/kernel'

const lookMs = 1000

/**
 * Sockets whose peer has said FIN. Nothing is read from them any more, so that a reset that follows would be heard
 * only with the next write, which may never come: the kernel is asked instead, now and then. One a thread.
 */
export class HalfClosed {
  readonly #clock: Clock
  readonly #sockets: Set<Socket> = new Set()
  #armed: boolean = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Destroys the socket with ECONNRESET when its connection is over, until `forget`. */
  watch(socket: Socket): void {
    this.#sockets.add(socket)
    if (!this.#armed) this.#arm()
  }

  forget(socket: Socket): void {
    this.#sockets.delete(socket)
  }

  /** The timer runs out by itself after the last socket. */
  #arm(): void {
    this.#armed = true
    this.#clock.after(lookMs, () => {
      this.#armed = false
      for (const socket of this.#sockets) this.#look(socket)
      if (this.#sockets.size > 0) this.#arm()
    })
  }

  #look(socket: Socket): void {
    // Once we have ended too, an orderly end looks the same, and Node closes the socket by itself.
    if (socket.writableEnded || socket.destroyed) return
    const fd = socketFd(socket)
    if (fd < 0 || !isConnectionOver(fd)) return
    this.#sockets.delete(socket)
    socket.destroy(new MeshError('ECONNRESET', 'the peer reset its half-closed connection'))
  }
}
