import type { Socket } from 'node:net'
import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { adoptFd, isPeerGone, showFirstBytes, socketFd } from '@tulle/kernel'
import type { PlainSocket, SocketAddress } from '@tulle/kernel'
import { clientHelloState } from './client-hello.ts'
import type { HandshakeQueue, ReadyHandshake } from './handshake-queue.ts'
import { PerSource } from './per-source.ts'

/** More than any client sends: post-quantum keys and 8 KiB of names would fit. */
export const maxClientHelloBytes: number = 16_384

export interface ArrivalLimits {
  /** Connections of this workload that have not finished their handshake. */
  readonly maxHandshakes: number
  /** The same from one address. */
  readonly maxHandshakesPerSource: number
  /** From one address, with or without a finished handshake. */
  readonly maxSessionsPerSource: number
  /** From the accepted connection to the beginning of its handshake, which has a time of its own. */
  readonly handshakeTimeoutMs: number
}

export type ArrivalRefusal =
  | 'handshake'
  | 'closed'
  | 'too-many-handshakes'
  | 'too-many-from-source'
  | 'handshake-timeout'

export interface ArrivalsOptions extends ArrivalLimits {
  readonly clock: Clock
  readonly queue: HandshakeQueue
  /** Its ClientHello is here, not read yet, and its turn has come: a paused socket for TLS. */
  onReady(socket: Socket): void
  /** To be destroyed. */
  onRefused(arrived: Arrived, reason: ArrivalRefusal, message: string): void
  /** The last handshake has ended, one way or the other. */
  onNone(): void
}

/** An accepted connection of which nothing was read, and who made it. */
export interface Arrived {
  readonly socket: PlainSocket
  readonly peer: SocketAddress
}

/**
 * Accepted connections before TLS. Nothing of TLS, nor of Node, exists for one before its ClientHello is whole and the gate has
 * chosen its turn: who is slow or silent, or one of a flood, costs a descriptor and what it has sent.
 */
export class Arrivals {
  readonly #options: ArrivalsOptions
  /** By their descriptors: all whose handshake has not ended. */
  readonly #arrivals: Map<number, Arrival> = new Map()
  readonly #handshakes: PerSource = new PerSource()
  readonly #connections: PerSource = new PerSource()

  constructor(options: ArrivalsOptions) {
    this.#options = options
  }

  /** Handshakes that have not ended: waiting for their hello, for their turn, or within TLS. */
  get handshakes(): number {
    return this.#arrivals.size
  }

  add(arrived: Arrived): void {
    const source = arrived.peer.address
    const refusal = this.#refusal(source)
    if (refusal !== undefined) {
      this.#options.onRefused(arrived, ...refusal)
      return
    }
    const { fd } = arrived.socket
    // Node tells of a close in a later turn than it closes in, and the number is another's by then.
    const before = this.#arrivals.get(fd)
    if (before !== undefined) this.#leave(fd, before)
    const arrival = new Arrival(arrived, this.#options, {
      leave: () => this.#leave(fd, arrival),
      close: () => this.#connections.remove(source),
    })
    this.#arrivals.set(fd, arrival)
    this.#handshakes.add(source)
    this.#connections.add(source)
    arrival.listen()
  }

  /** The handshake of the TLS socket has succeeded. */
  finished(socket: Socket): void {
    const fd = socketFd(socket)
    const arrival = this.#arrivals.get(fd)
    if (arrival !== undefined) this.#leave(fd, arrival)
  }

  /** Ends all that wait; what is within TLS is told when it comes out. */
  close(): void {
    for (const arrival of this.#arrivals.values()) arrival.cut('closed', 'the workload is no longer served')
  }

  #refusal(source: string): [ArrivalRefusal, string] | undefined {
    const { maxHandshakes, maxHandshakesPerSource, maxSessionsPerSource } = this.#options
    if (this.handshakes >= maxHandshakes)
      return ['too-many-handshakes', `${this.handshakes} handshakes in progress`]
    const fromSource = this.#handshakes.of(source)
    if (fromSource >= maxHandshakesPerSource)
      return ['too-many-from-source', `${fromSource} handshakes in progress from ${source}`]
    const connections = this.#connections.of(source)
    if (connections >= maxSessionsPerSource)
      return ['too-many-from-source', `${connections} connections from ${source}`]
    return undefined
  }

  #leave(fd: number, arrival: Arrival): void {
    if (this.#arrivals.get(fd) !== arrival) return
    this.#arrivals.delete(fd)
    this.#handshakes.remove(arrival.source)
    arrival.stop()
    if (this.#arrivals.size === 0) this.#options.onNone()
  }
}

interface Account {
  /** Its handshake has ended. */
  leave(): void
  /** It is closed. */
  close(): void
}

/** One connection: `reading` its ClientHello, `queued` at the gate, then `over`, which for most means within TLS. */
class Arrival {
  readonly source: string
  readonly #arrived: Arrived
  readonly #options: ArrivalsOptions
  readonly #account: Account
  readonly #timer: Disposable
  readonly #ready: ReadyHandshake
  #look: Disposable | undefined
  #phase: 'reading' | 'queued' | 'over' = 'reading'

  constructor(arrived: Arrived, options: ArrivalsOptions, account: Account) {
    this.#arrived = arrived
    this.source = arrived.peer.address
    this.#ready = { source: this.source, begin: () => this.#begin() }
    this.#options = options
    this.#account = account
    const { handshakeTimeoutMs } = options
    this.#timer = options.clock.after(handshakeTimeoutMs, () => {
      const what = this.#phase === 'reading' ? 'no ClientHello' : 'no turn for the handshake'
      this.cut('handshake-timeout', `${what} in ${handshakeTimeoutMs} ms`)
    })
  }

  listen(): void {
    try {
      this.#look = showFirstBytes(this.#arrived.socket, {
        onBytes: (bytes) => this.#read(bytes),
        onEnd: () => this.cut('handshake', 'the peer left before its ClientHello'),
      })
    } catch (error) {
      // The kernel watches only so many descriptors of one user. @see epoll(7), max_user_watches
      this.cut('handshake', errorText(error))
    }
  }

  /** Ends it, unless it is within TLS already. */
  cut(reason: ArrivalRefusal, message: string): void {
    if (this.#phase === 'over') return
    this.#account.leave()
    this.#account.close()
    this.#options.onRefused(this.#arrived, reason, message)
  }

  /** Nothing more happens here. */
  stop(): void {
    if (this.#phase === 'queued') this.#options.queue.remove(this.#ready)
    this.#phase = 'over'
    this.#timer[Symbol.dispose]()
    this.#look?.[Symbol.dispose]()
  }

  #read(bytes: Buffer): void {
    const state = clientHelloState(bytes)
    if (state === 'bad') this.cut('handshake', 'what the peer sends is no TLS')
    else if (state === 'complete') this.#queue()
    else if (bytes.length > maxClientHelloBytes) this.cut('handshake', 'the ClientHello is too long')
  }

  #queue(): void {
    this.#look?.[Symbol.dispose]()
    this.#phase = 'queued'
    if (this.#options.queue.push(this.#ready)) return
    this.cut('too-many-handshakes', `${this.#options.queue.waiting} handshakes wait for their turn`)
  }

  #begin(): void {
    const { socket } = this.#arrived
    // Nobody looked at the socket while it waited; a handshake for nobody costs as much as any.
    if (isPeerGone(socket.fd)) {
      this.cut('handshake', 'the peer left before its turn')
      return
    }
    this.stop()
    const adopted = adoptFd(socket.release())
    adopted.on('error', ignoreError)
    adopted.once('close', () => {
      this.#account.leave()
      this.#account.close()
    })
    this.#options.onReady(adopted)
  }
}

/** 'close' follows, and is what counts. */
function ignoreError(): void {
  // Nothing to do: see above.
}
