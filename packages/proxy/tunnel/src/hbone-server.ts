import type { Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { Server, TLSSocket } from 'node:tls'
import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { localAddress } from '@tulle/kernel'
import type { PlainSocket, SocketAddress } from '@tulle/kernel'
import { parseConnect } from '@tulle/hbone'
import { createHttp2Session, http2Error } from '@tulle/http2'
import type {
  HeaderList,
  Http2Session,
  Http2Settings,
  Http2Stream,
  StreamHandler,
  WindowBudget,
} from '@tulle/http2'
import { Arrivals } from './arrivals.ts'
import type { ArrivalRefusal, Arrived } from './arrivals.ts'
import type { CredentialHolder, Credentials } from './credential-holder.ts'
import type { HandshakeGate } from './handshake-gate.ts'
import type { HandshakeQueue } from './handshake-queue.ts'
import { holding } from './held-bytes.ts'
import type { HeldBytes } from './held-bytes.ts'
import { InboundTunnel, refuseStream } from './inbound-tunnel.ts'
import type { PeerRefusal, VerifiedPeer } from './peer-verifier.ts'
import type { ServedWorkload } from './last-served.ts'
import type { ReceiveSlabs } from './receive-slabs.ts'
import type { SessionKeeper } from './session-keeper.ts'
import { serverContextOptions, serverOptions } from './tls-settings.ts'
import { TlsReader } from './tls-reader.ts'
import { followSocket, tlsTransport } from './tls-transport.ts'

/** Addresses of one accepted connection. */
export interface PeerAddress {
  readonly sourceIp: string
  readonly sourcePort: number
  readonly localIp: string
  readonly localPort: number
}

export interface HboneServerOptions {
  readonly credentials: CredentialHolder
  readonly keeper: SessionKeeper
  readonly clock: Clock
  /** What all sessions of a thread together may promise to receive. */
  readonly windowBudget: WindowBudget
  /** What the workload's sessions hold for slow applications. */
  readonly held: HeldBytes
  readonly slabs: ReceiveSlabs
  /** Decides when a handshake begins; one for all workloads of a thread. */
  readonly gate: HandshakeGate
  /** Which of them it is. */
  readonly served: ServedWorkload
  /** Handshakes in progress: those that wait for a hello or for their turn, and those within TLS. */
  readonly maxHandshakes: number
  readonly maxHandshakesPerSource: number
  /** Sessions open at once, handshakes included. */
  readonly maxSessions: number
  readonly maxSessionsPerSource: number
  /** For a handshake to begin, and again for it to end. */
  readonly handshakeTimeoutMs: number
  readonly maxStreamsPerSession: number
  /** How far windows grow, where not as far as those of all sessions. */
  readonly windows?: Pick<Http2Settings, 'maxStreamWindowBytes'>
  readonly maxHeaderBytes: number
  readonly maxEarlyBytes: number
  /** A well-formed CONNECT of a verified peer: accept or refuse it, now or later. Must not throw. */
  onTunnel(tunnel: InboundTunnel, address: PeerAddress): void
  /** A connection that came to nothing: handshake, certificate, or a request that is no CONNECT. */
  onRefused(refusal: ServerRefusal, address: PeerAddress): void
  /** A handshake begins. */
  onHandshake?(): void
}

export interface ServerRefusal {
  readonly reason:
    | ArrivalRefusal
    | 'too-many-sessions'
    | 'closed'
    | 'no-certificate-of-ours'
    | 'bad-request'
    | PeerRefusal['reason']
  readonly message: string
}

interface Accepted {
  readonly http: Http2Session
}

/**
 * The receiving side of HBONE for one workload: TLS through a `tls.Server` that never listens, fed with accepted
 * sockets. (A bare TLSSocket with `isServer` takes forged self-signed certificates.)
 */
export class HboneServer {
  readonly #options: HboneServerOptions
  readonly #accepted: Set<Accepted> = new Set()
  readonly #subscription: Disposable
  #tls: Server | undefined
  #credentials: Credentials | undefined
  readonly #arrivals: Arrivals
  readonly #queue: HandshakeQueue
  readonly #onEmpty: (() => void)[] = []
  #draining: boolean = false
  #destroyed: boolean = false

  constructor(options: HboneServerOptions) {
    this.#options = options
    this.#queue = options.gate.queue(options.maxHandshakes, options.served)
    this.#arrivals = new Arrivals({
      clock: options.clock,
      queue: this.#queue,
      maxHandshakes: options.maxHandshakes,
      maxHandshakesPerSource: options.maxHandshakesPerSource,
      maxSessionsPerSource: options.maxSessionsPerSource,
      handshakeTimeoutMs: options.handshakeTimeoutMs,
      onReady: (socket) => this.#handshake(socket),
      onRefused: (arrived, reason, message) => this.#refuseArrived(arrived, reason, message),
      // A handshake that has succeeded is a session in this turn.
      onNone: () => queueMicrotask(() => this.#tellIfEmpty()),
    })
    this.#subscription = options.credentials.onChange((credentials) => this.#rotate(credentials))
  }

  get sessions(): number {
    return this.#accepted.size
  }

  get handshakes(): number {
    return this.#arrivals.handshakes
  }

  /** Those of them whose ClientHello is here, and that wait for their turn. */
  get handshakesWaiting(): number {
    return this.#queue.waiting
  }

  /** Takes over an accepted connection that has read nothing. */
  accept(socket: PlainSocket, peer: SocketAddress): void {
    const arrived = { socket, peer }
    const credentials = this.#options.credentials.current
    if (credentials === undefined || this.#tls === undefined || this.#draining) {
      this.#refuseArrived(arrived, 'no-certificate-of-ours', 'no valid certificate for this workload')
      return
    }
    if (this.#accepted.size + this.handshakes >= this.#options.maxSessions) {
      this.#refuseArrived(arrived, 'too-many-sessions', `${this.#accepted.size} sessions are open`)
      return
    }
    this.#arrivals.add(arrived)
  }

  /** Says GOAWAY on every session; streams that run may finish. */
  drain(): void {
    this.#draining = true
    for (const { http } of this.#accepted) http.drain()
  }

  /** Resolves when there is no session, and none on its way. */
  whenEmpty(): Promise<void> {
    const emptied = new Promise<void>((resolve) => this.#onEmpty.push(resolve))
    this.#tellIfEmpty()
    return emptied
  }

  /** GOAWAY, and every stream is reset. A handshake that ends later comes to nothing. */
  destroy(): void {
    this.#draining = true
    this.#destroyed = true
    this.#arrivals.close()
    this.#subscription[Symbol.dispose]()
    for (const { http } of this.#accepted) http.goaway(http2Error.noError)
  }

  #tellIfEmpty(): void {
    if (this.#accepted.size + this.handshakes === 0) for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  #handshake(socket: Socket): void {
    this.#options.onHandshake?.()
    this.#tls?.emit('connection', socket)
  }

  #rotate(credentials: Credentials): void {
    this.#credentials = credentials
    if (this.#tls !== undefined) {
      this.#tls.setSecureContext(serverContextOptions(credentials.certificate))
      return
    }
    const tls = createServer(serverOptions(credentials.certificate, this.#options.handshakeTimeoutMs))
    tls.on('secureConnection', (socket) => {
      this.#arrivals.finished(socket)
      this.#onSecure(socket)
    })
    tls.on('tlsClientError', (error, socket) => {
      const message = socket.authorizationError?.toString() ?? errorText(error)
      this.#options.onRefused({ reason: 'handshake', message }, addressOf(socket))
    })
    this.#tls = tls
  }

  #onSecure(socket: TLSSocket): void {
    const address = addressOf(socket)
    socket.on('error', ignoreError)
    const credentials = this.#credentials
    if (credentials === undefined || this.#destroyed) {
      this.#refuse(socket, address, 'closed', 'the workload is no longer served')
      return
    }
    if (socket.alpnProtocol !== 'h2') {
      this.#refuse(socket, address, 'handshake', 'the peer did not ask for h2')
      return
    }
    const peer = credentials.verifier.verify(socket.getPeerX509Certificate())
    if (!peer.ok) {
      this.#refuse(socket, address, peer.error.reason, peer.error.message)
      return
    }
    this.#begin(socket, peer.value, credentials)
  }

  #begin(socket: TLSSocket, peer: VerifiedPeer, credentials: Credentials): void {
    const address = addressOf(socket)
    const http = createHttp2Session({
      role: 'server',
      transport: tlsTransport(socket),
      clock: this.#options.clock,
      windowBudget: this.#options.windowBudget,
      settings: {
        ...this.#options.windows,
        maxConcurrentStreams: this.#options.maxStreamsPerSession,
      },
      limits: {
        maxHeaderListBytes: this.#options.maxHeaderBytes,
        maxHeaderBlockBytes: this.#options.maxHeaderBytes,
      },
      onStream: (stream, headers) => this.#onStream(stream, headers, { peer, address }),
      onClose: () => {
        this.#accepted.delete(accepted)
        brake.close()
        kept[Symbol.dispose]()
        this.#tellIfEmpty()
      },
    })
    const accepted: Accepted = { http }
    const brake = this.#options.held.brake(holding(http, socket))
    this.#accepted.add(accepted)
    const endsAtMs = Math.min(peer.notAfterMs, credentials.certificate.notAfterMs)
    const kept = this.#options.keeper.keep({ peer, endsAtMs, http }, credentials.verifier)
    followSocket(socket, http)
    const { served } = this.#options
    const receive = (bytes: Buffer, start: number, end: number): void => {
      served.note()
      http.receive(bytes, start, end)
    }
    const reader = new TlsReader(this.#options.slabs, receive, () => brake.mayRead())
    reader.attach(socket)
    if (this.#draining) http.drain()
  }

  #onStream(
    stream: Http2Stream,
    headers: HeaderList,
    from: { readonly peer: VerifiedPeer; readonly address: PeerAddress },
  ): StreamHandler {
    const request = parseConnect(headers)
    if (!request.ok) {
      refuseStream(stream, '400')
      this.#options.onRefused({ reason: 'bad-request', message: request.error.message }, from.address)
      return deafHandler
    }
    const maxEarlyBytes = this.#options.maxEarlyBytes
    const tunnel = new InboundTunnel({ peer: from.peer, request: request.value, stream, maxEarlyBytes })
    this.#options.onTunnel(tunnel, from.address)
    return tunnel
  }

  #refuseArrived({ socket, peer }: Arrived, reason: ServerRefusal['reason'], message: string): void {
    const local = localAddress(socket.fd)
    const address = {
      sourceIp: peer.address,
      sourcePort: peer.port,
      localIp: local?.address ?? '',
      localPort: local?.port ?? 0,
    }
    this.#refuse(socket, address, reason, message)
  }

  #refuse(
    socket: { destroy(): unknown },
    address: PeerAddress,
    reason: ServerRefusal['reason'],
    message: string,
  ): void {
    socket.destroy()
    this.#options.onRefused({ reason, message }, address)
  }
}

/** For streams that were refused: whatever the peer still sends is nobody's business. */
const deafHandler: StreamHandler = {
  onHeaders: () => undefined,
  onData: () => false,
  onEnd: () => undefined,
  onReset: () => undefined,
  onWritable: () => undefined,
}

/** 'close' follows, and is what counts. */
function ignoreError(): void {
  // Nothing to do: see above.
}

function addressOf(socket: Socket): PeerAddress {
  return {
    sourceIp: socket.remoteAddress ?? '',
    sourcePort: socket.remotePort ?? 0,
    localIp: socket.localAddress ?? '',
    localPort: socket.localPort ?? 0,
  }
}
