import type { Socket } from 'node:net'
import type { Clock } from '@tulle/core'
import { isPeerGone, showFirstBytes, socketFd } from '@tulle/kernel'
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
  /** Its ClientHello is here, not read yet, and its turn has come. */
  onReady(socket: Socket): void
  /** To be destroyed. */
  onRefused(socket: Socket, reason: ArrivalRefusal, message: string): void
  /** The last handshake has ended, one way or the other. */
  onNone(): void
}

/**
 * Accepted connections before TLS. Nothing of TLS exists for one before its ClientHello is whole, so that who is slow
 * or silent costs a socket and what it has sent; and the handshake's first and greatest cost falls in the turn that
 * the gate chose for it.
 */
export class Arrivals {
  readonly #options: ArrivalsOptions
  /** By the peer's address and port: all whose handshake has not ended. */
  readonly #arrivals: Map<string, Arrival> = new Map()
  readonly #handshakes: PerSource = new PerSource()
  readonly #connections: PerSource = new PerSource()

  constructor(options: ArrivalsOptions) {
    this.#options = options
  }

  /** Handshakes that have not ended: waiting for their hello, for their turn, or within TLS. */
  get handshakes(): number {
    return this.#arrivals.size
  }

  /** Takes a connection that has read nothing. */
  add(socket: Socket): void {
    const source = socket.remoteAddress ?? ''
    const refusal = this.#refusal(source)
    if (refusal !== undefined) {
      this.#options.onRefused(socket, ...refusal)
      return
    }
    const key = keyOf(socket)
    const before = this.#arrivals.get(key)
    if (before !== undefined) this.#leave(key, before)
    const arrival = new Arrival(socket, this.#options, () => this.#leave(key, arrival))
    this.#arrivals.set(key, arrival)
    this.#handshakes.add(source)
    this.#connections.add(source)
    socket.once('close', () => {
      this.#connections.remove(source)
      arrival.cut('handshake', 'the peer left before its ClientHello')
      this.#leave(key, arrival)
    })
    arrival.listen()
  }

  /** The handshake of this connection (or of the TLS socket over it) has succeeded. */
  finished(socket: Socket): void {
    const key = keyOf(socket)
    const arrival = this.#arrivals.get(key)
    if (arrival !== undefined) this.#leave(key, arrival)
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

  #leave(key: string, arrival: Arrival): void {
    if (this.#arrivals.get(key) !== arrival) return
    this.#arrivals.delete(key)
    this.#handshakes.remove(arrival.source)
    arrival.stop()
    if (this.#arrivals.size === 0) this.#options.onNone()
  }
}

/** One connection: `reading` its ClientHello, `queued` at the gate, then `over`, which for most means within TLS. */
class Arrival {
  readonly source: string
  readonly #socket: Socket
  readonly #options: ArrivalsOptions
  readonly #leave: () => void
  readonly #timer: Disposable
  readonly #ready: ReadyHandshake
  #look: Disposable | undefined
  #phase: 'reading' | 'queued' | 'over' = 'reading'

  constructor(socket: Socket, options: ArrivalsOptions, leave: () => void) {
    this.#socket = socket
    this.source = socket.remoteAddress ?? ''
    this.#ready = { source: this.source, begin: () => this.#begin() }
    this.#options = options
    this.#leave = leave
    const { handshakeTimeoutMs } = options
    this.#timer = options.clock.after(handshakeTimeoutMs, () => {
      const what = this.#phase === 'reading' ? 'no ClientHello' : 'no turn for the handshake'
      this.cut('handshake-timeout', `${what} in ${handshakeTimeoutMs} ms`)
    })
  }

  listen(): void {
    this.#look = showFirstBytes(this.#socket, {
      onBytes: (bytes) => this.#read(bytes),
      onEnd: () => this.cut('handshake', 'the peer left before its ClientHello'),
    })
  }

  /** Ends it, unless it is within TLS already. */
  cut(reason: ArrivalRefusal, message: string): void {
    if (this.#phase === 'over') return
    this.#leave()
    this.#options.onRefused(this.#socket, reason, message)
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
    // Nobody looked at the socket while it waited; a handshake for nobody costs as much as any.
    if (isPeerGone(socketFd(this.#socket))) {
      this.cut('handshake', 'the peer left before its turn')
      return
    }
    this.stop()
    this.#options.onReady(this.#socket)
  }
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ''} ${socket.remotePort ?? 0}`
}
