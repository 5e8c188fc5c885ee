import { constants } from 'node:crypto'
import { createSecureServer, createServer as createPlainServer } from 'node:http2'
import type {
  Http2SecureServer,
  Http2Server,
  Http2Session,
  IncomingHttpHeaders,
  ServerHttp2Stream,
} from 'node:http2'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { status } from '@grpc/grpc-js'
import type { Clock, Rng } from '@tulle/core'
import { jitter } from '@tulle/core'
import { ConnectionQueue } from './connection-queue.ts'
import { Http2Call } from './grpc-call.ts'
import type { GrpcCall } from './grpc-call.ts'
import { ByteBudget } from './message-frames.ts'

/** What answers the calls of one method; by path, `/package.Service/Method`. */
export type GrpcMethods = Readonly<Record<string, (call: GrpcCall) => void>>

export interface GrpcServerOptions {
  readonly methods: GrpcMethods
  /** Without one it speaks in clear text: for tests. */
  readonly certificate?: { readonly chainPem: string; readonly keyPem: string }
  readonly maxMessageBytes: number
  /** Of requests that have not arrived in full, of all peers; 256 MiB when absent. */
  readonly maxUnfinishedBytes?: number
  /** Connections at a time; 16 384 when absent. */
  readonly maxConnections?: number
  /** Connections that are set up at a time; 48 when absent. */
  readonly maxYoungConnections?: number
}

export interface GrpcServerDeps {
  readonly clock: Clock
  readonly rng: Rng
}

/** Times of a connection, in milliseconds. */
const times = {
  tick: 1000,
  pingAfter: 30_000,
  pingTimeout: 20_000,
  /** A stream is opened anew from time to time, so that a token that has expired is noticed. */
  maxAge: 1_800_000,
  ageGrace: 10_000,
  handshake: 10_000,
  young: 1000,
}

/** Of a stream, and of a connection: a node that comes back says in megabytes what it has. */
const windowBytes = 256 * 1024

interface Connection {
  readonly session: Http2Session
  readonly calls: Set<Http2Call>
  readonly endsAtMs: number
  pingAtMs: number
  /** Monotonic time of a ping that has no answer yet. */
  pingedAtMs: number | undefined
}

/**
 * gRPC over `node:http2`, for what a control plane serves: few methods, thousands of peers, and messages that are bytes
 * already. Connections are let in a few at a time; each is probed, and ended when it is old.
 */
export class GrpcServer implements Disposable {
  readonly #methods: GrpcMethods
  readonly #clock: Clock
  readonly #rng: Rng
  readonly #maxConnections: number
  readonly #limits: { readonly maxMessageBytes: number; readonly budget: ByteBudget }
  readonly #listener: Server
  readonly #http2: Http2Server | Http2SecureServer
  readonly #queue: ConnectionQueue
  readonly #stack: DisposableStack = new DisposableStack()
  /** By peer: what Node hands out later is not the socket that was accepted. */
  readonly #sockets: Map<string, Socket> = new Map()
  readonly #connections: Map<Http2Session, Connection> = new Map()

  constructor(options: GrpcServerOptions, { clock, rng }: GrpcServerDeps) {
    this.#methods = options.methods
    this.#clock = clock
    this.#rng = rng
    this.#maxConnections = options.maxConnections ?? 16_384
    const budget = new ByteBudget(options.maxUnfinishedBytes ?? 256 << 20)
    this.#limits = { maxMessageBytes: options.maxMessageBytes, budget }
    this.#http2 = makeHttp2(options.certificate)
    this.#http2.on('session', (session) => this.#begin(session))
    this.#http2.on('stream', (stream, headers) => this.#call(stream, headers))
    for (const event of ['sessionError', 'tlsClientError', 'error']) this.#http2.on(event, () => undefined)
    this.#queue = this.#stack.use(
      new ConnectionQueue({
        clock,
        maxYoung: options.maxYoungConnections ?? 48,
        maxYoungMs: times.young,
        maxWaiting: this.#maxConnections,
        admit: (socket) => {
          if (options.certificate !== undefined) return this.#whenItSpeaks(socket)
          // In clear text nobody else has the paused socket read on.
          socket.resume()
          this.#http2.emit('connection', socket)
        },
      }),
    )
    this.#listener = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket))
    this.#stack.use(clock.every(times.tick, () => this.#tick()))
  }

  /** For connections from now on. */
  setCertificate({ chainPem, keyPem }: { readonly chainPem: string; readonly keyPem: string }): void {
    if ('setSecureContext' in this.#http2) this.#http2.setSecureContext(tlsOptions(chainPem, keyPem))
  }

  /** Resolves with the port; rejects where it can't be had. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#listener.once('error', reject)
      this.#listener.listen({ host, port, backlog: 4096 }, () => {
        const address = this.#listener.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  /** Takes nothing new; what runs may finish until the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#listener.close()
    this.#queue[Symbol.dispose]()
    const ended = [...this.#connections.keys()].map((session) => {
      const closed = new Promise<void>((resolve) => session.once('close', () => resolve()))
      session.close()
      return closed
    })
    using _force = this.#clock.after(deadlineMs, () => this[Symbol.dispose]())
    await Promise.all(ended)
  }

  [Symbol.dispose](): void {
    this.#listener.close()
    this.#stack.dispose()
    for (const session of this.#connections.keys()) session.destroy()
    for (const socket of this.#sockets.values()) socket.destroy()
  }

  #accept(socket: Socket): void {
    const peer = peerOf(socket)
    if (this.#sockets.size >= this.#maxConnections || peer === undefined) {
      socket.destroy()
      return
    }
    this.#sockets.set(peer, socket)
    socket.once('close', () => this.#sockets.delete(peer))
    this.#queue.add(socket)
  }

  /**
   * TLS that is begun before there is anything to read makes itself room for 64 KiB, and keeps it as long as the
   * connection lives; begun with the first bytes, it has as much room as those need, and more when more comes. V8 counts
   * that room, and with a thousand nodes looked for some to free in the whole heap, again and again. It also costs nothing
   * to say nothing.
   */
  #whenItSpeaks(socket: Socket): void {
    const silent = this.#clock.after(times.handshake, () => socket.destroy())
    socket.once('close', () => silent[Symbol.dispose]())
    socket.once('readable', () => {
      silent[Symbol.dispose]()
      if (socket.readableLength > 0) this.#http2.emit('connection', socket)
      else socket.destroy()
    })
  }

  #begin(session: Http2Session): void {
    const nowMs = this.#clock.monotonicMs()
    const connection: Connection = {
      session,
      calls: new Set(),
      endsAtMs: nowMs + jitter(this.#rng, times.maxAge, 0.1),
      pingAtMs: nowMs + times.pingAfter,
      pingedAtMs: undefined,
    }
    this.#connections.set(session, connection)
    session.setLocalWindowSize(windowBytes)
    session.on('error', () => undefined)
    session.once('close', () => this.#connections.delete(session))
  }

  #call(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const connection = stream.session === undefined ? undefined : this.#connections.get(stream.session)
    if (connection === undefined || !isGrpc(headers)) {
      stream.on('error', () => undefined)
      stream.respond({ ':status': 415 }, { endStream: true })
      stream.resume()
      return
    }
    const socket = this.#sockets.get(peerOf(stream.session?.socket) ?? '')
    const call = new Http2Call(stream, headers, this.#limits, () => {
      if (socket !== undefined) this.#queue.settled(socket)
    })
    connection.calls.add(call)
    stream.once('close', () => connection.calls.delete(call))
    const path = headers[':path'] ?? ''
    const method = Object.hasOwn(this.#methods, path) ? this.#methods[path] : undefined
    if (method === undefined) call.end(status.UNIMPLEMENTED, 'there is no such method here')
    else method(call)
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const connection of this.#connections.values()) {
      const { session, pingedAtMs } = connection
      if (nowMs >= connection.endsAtMs + times.ageGrace) session.destroy()
      else if (nowMs >= connection.endsAtMs) retire(connection)
      else if (pingedAtMs !== undefined) {
        if (nowMs - pingedAtMs >= times.pingTimeout) session.destroy()
      } else if (nowMs >= connection.pingAtMs) this.#ping(connection, nowMs)
    }
  }

  #ping(connection: Connection, nowMs: number): void {
    connection.pingedAtMs = nowMs
    connection.session.ping(() => {
      connection.pingedAtMs = undefined
      connection.pingAtMs = this.#clock.monotonicMs() + times.pingAfter
    })
  }
}

function retire({ session, calls }: Connection): void {
  for (const call of calls) call.end(status.UNAVAILABLE, 'the connection is old; open another one')
  session.close()
}

function makeHttp2(certificate: GrpcServerOptions['certificate']): Http2Server | Http2SecureServer {
  const settings = { maxConcurrentStreams: 100, initialWindowSize: windowBytes, enablePush: false }
  if (certificate === undefined) return createPlainServer({ settings })
  const { chainPem, keyPem } = certificate
  return createSecureServer({
    ...tlsOptions(chainPem, keyPem),
    settings,
    handshakeTimeout: times.handshake,
    allowHTTP1: false,
  })
}

function tlsOptions(
  cert: string,
  key: string,
): {
  readonly cert: string
  readonly key: string
  readonly minVersion: 'TLSv1.3'
  readonly secureOptions: number
} {
  return { cert, key, minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET }
}

function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers[':method'] === 'POST' && headers['content-type']?.startsWith('application/grpc') === true
}

function peerOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'> | undefined): string | undefined {
  if (socket?.remoteAddress === undefined) return undefined
  return `${socket.remoteAddress}:${socket.remotePort ?? 0}`
}
