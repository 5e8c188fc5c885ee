import type { Socket } from 'node:net'
import type { Clock } from '@tulle/core'

export interface ConnectionQueueOptions {
  readonly clock: Clock
  /** How many connections are set up at a time. */
  readonly maxYoung: number
  /** How long one may count as being set up, whether it is or not: who dawdles must not keep others out. */
  readonly maxYoungMs: number
  /** Connections that wait; one more is closed. */
  readonly maxWaiting: number
  /** Begins with one. */
  readonly admit: (socket: Socket) => void
}

/**
 * Lets new connections in a few at a time. When a thousand nodes come at once, the first ones are served while the
 * others wait, instead of all being half done; what a connection costs until it has its first state is bought by
 * few of them at any time. Peers take turns by address, so that one cannot make all others wait.
 */
export class ConnectionQueue implements Disposable {
  readonly #options: ConnectionQueueOptions
  readonly #waiting: Map<string, Socket[]> = new Map()
  readonly #young: Map<Socket, Disposable> = new Map()
  #waitingCount: number = 0

  constructor(options: ConnectionQueueOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waitingCount
  }

  get young(): number {
    return this.#young.size
  }

  /** A connection that nothing has been read of. */
  add(socket: Socket): void {
    if (this.#waitingCount >= this.#options.maxWaiting) {
      socket.destroy()
      return
    }
    const address = socket.remoteAddress ?? ''
    const line = this.#waiting.get(address)
    if (line === undefined) this.#waiting.set(address, [socket])
    else line.push(socket)
    this.#waitingCount++
    // A peer may give up while it waits; until it is admitted nobody else hears of it.
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.settled(socket))
    this.#admit()
  }

  /** This connection is set up, or gone. */
  settled(socket: Socket): void {
    const timer = this.#young.get(socket)
    if (timer === undefined) return
    timer[Symbol.dispose]()
    this.#young.delete(socket)
    this.#admit()
  }

  [Symbol.dispose](): void {
    for (const timer of this.#young.values()) timer[Symbol.dispose]()
    this.#young.clear()
    for (const line of this.#waiting.values()) for (const socket of line) socket.destroy()
    this.#waiting.clear()
    this.#waitingCount = 0
  }

  #admit(): void {
    const { clock, maxYoung, maxYoungMs, admit } = this.#options
    while (this.#young.size < maxYoung) {
      const socket = this.#next()
      if (socket === undefined) return
      if (socket.destroyed) continue
      const timer = clock.after(maxYoungMs, () => this.settled(socket))
      this.#young.set(socket, timer)
      admit(socket)
    }
  }

  /** The longest waiting one of the address whose turn it is. */
  #next(): Socket | undefined {
    for (const [address, line] of this.#waiting) {
      const socket = line.shift()
      this.#waiting.delete(address)
      if (line.length > 0) this.#waiting.set(address, line)
      if (socket === undefined) continue
      this.#waitingCount--
      return socket
    }
    return undefined
  }
}
