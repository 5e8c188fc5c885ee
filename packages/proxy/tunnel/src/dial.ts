import type { TLSSocket } from 'node:tls'
import { err, errorCode, errorText, ok } from '@tulle/core'
import type { Clock, Result } from '@tulle/core'
import { createHttp2Session } from '@tulle/http2'
import type { Http2Session, Http2Settings, WindowBudget } from '@tulle/http2'
import type { SpiffeId } from '@tulle/identity'
import { connectTlsFd } from '@tulle/kernel'
import type { Credentials } from './credential-holder.ts'
import type { DialFailure } from './errors.ts'
import { holding } from './held-bytes.ts'
import type { HeldBytes, SessionBrake } from './held-bytes.ts'
import type { VerifiedPeer } from './peer-verifier.ts'
import type { ServedWorkload } from './last-served.ts'
import type { ReceiveSlabs } from './receive-slabs.ts'
import { transportHighWaterBytes } from './tls-settings.ts'
import { TlsReader } from './tls-reader.ts'
import { followSocket, tlsTransport } from './tls-transport.ts'
import { ClientTunnelSession } from './tunnel-session.ts'

/** Where a session leads, and who may answer there. */
export interface TunnelTarget {
  /** Any of these is as good; sorted. */
  readonly destinationIdentities: readonly SpiffeId[]
  readonly address: string
  readonly port: number
  /** The receiver takes the connection's source from the session, so sessions are never shared between sources. */
  readonly sourceAddress: string
}

export interface DialDeps {
  readonly clock: Clock
  readonly slabs: ReceiveSlabs
  /** What all sessions of a thread together may promise to receive. */
  readonly windowBudget: WindowBudget
  /** What the workload's sessions hold for slow applications. */
  readonly held: HeldBytes
  /** Whose sessions they are. */
  readonly served: ServedWorkload
  readonly connectTimeoutMs: number
  readonly maxStreamsPerSession: number
  /** How far windows grow, where not as far as those of all sessions. */
  readonly windows?: Pick<Http2Settings, 'maxStreamWindowBytes'>
  /** A descriptor in the right namespace, bound to the target's source address where that is wanted. Throws when there is none. */
  openSocket(target: TunnelTarget): number
}

export interface DialCallbacks {
  /** Once: the session, or why there is none. */
  onDialed(outcome: Result<ClientTunnelSession, DialFailure>): void
  /** Its room may have risen. */
  onOpenable(session: ClientTunnelSession): void
  onGoaway(session: ClientTunnelSession): void
  onClosed(session: ClientTunnelSession): void
}

/** One TLS handshake, the peer's verification, and the session: nothing of HTTP/2 passes before the peer is known. */
export class Dial {
  readonly #target: TunnelTarget
  readonly #credentials: Credentials
  readonly #deps: DialDeps
  readonly #callbacks: DialCallbacks
  #socket: TLSSocket | undefined
  #timer: Disposable | undefined
  #http: Http2Session | undefined
  #session: ClientTunnelSession | undefined
  #brake: SessionBrake | undefined
  #done: boolean = false
  readonly #reader: TlsReader

  constructor(target: TunnelTarget, credentials: Credentials, deps: DialDeps, callbacks: DialCallbacks) {
    this.#target = target
    this.#credentials = credentials
    this.#deps = deps
    this.#callbacks = callbacks
    // Nothing comes before the session.
    const receive = (bytes: Buffer, start: number, end: number): void => {
      deps.served.note()
      this.#http?.receive(bytes, start, end)
    }
    this.#reader = new TlsReader(deps.slabs, receive, () => this.#brake?.mayRead() ?? true)
  }

  start(): void {
    const socket = this.#connect()
    if (!socket.ok) {
      this.#fail('connect', socket.error)
      return
    }
    this.#socket = socket.value
    this.#timer = this.#deps.clock.after(this.#deps.connectTimeoutMs, () =>
      this.#fail('timeout', `no TLS session with ${this.#where} in ${this.#deps.connectTimeoutMs} ms`),
    )
    socket.value.on('error', (error) => this.#onError(error))
    socket.value.on('close', () => this.#fail('cut', `${this.#where} closed the connection`))
    socket.value.once('secureConnect', () => this.#onSecure())
  }

  cancel(): void {
    this.#fail('closed', 'the pool was closed')
  }

  get #where(): string {
    return `${this.#target.address} port ${this.#target.port}`
  }

  #connect(): Result<TLSSocket, string> {
    try {
      const fd = this.#deps.openSocket(this.#target)
      const socket = connectTlsFd({
        fd,
        host: this.#target.address,
        port: this.#target.port,
        highWaterMark: transportHighWaterBytes,
        onread: this.#reader.onread,
        tls: {
          secureContext: this.#credentials.clientContext,
          ALPNProtocols: ['h2'],
          servername: '',
          rejectUnauthorized: true,
          // Identities are URI SANs, checked in #onSecure against exactly those that are expected.
          checkServerIdentity: () => undefined,
        },
      })
      return ok(socket)
    } catch (error) {
      return err(errorText(error))
    }
  }

  #onSecure(): void {
    const socket = this.#socket
    if (socket === undefined || this.#done) return
    if (socket.alpnProtocol !== 'h2') {
      this.#fail('tls', `${this.#where} did not agree on h2`)
      return
    }
    const peer = this.#credentials.verifier.verify(socket.getPeerX509Certificate())
    if (!peer.ok) {
      this.#fail('peer', `${this.#where}: ${peer.error.message}`)
      return
    }
    if (!this.#target.destinationIdentities.includes(peer.value.id)) {
      const expected = this.#target.destinationIdentities.join(' or ')
      this.#fail('peer', `${this.#where}: expected ${expected}, found ${peer.value.id}`)
      return
    }
    this.#begin(socket, peer.value)
  }

  #begin(socket: TLSSocket, peer: VerifiedPeer): void {
    const http = createHttp2Session({
      role: 'client',
      transport: tlsTransport(socket),
      clock: this.#deps.clock,
      windowBudget: this.#deps.windowBudget,
      settings: { ...this.#deps.windows },
      onGoaway: () => this.#callbacks.onGoaway(session),
      onOpenable: () => this.#callbacks.onOpenable(session),
      onClose: () => {
        this.#brake?.close()
        this.#callbacks.onClosed(session)
      },
    })
    const session = new ClientTunnelSession({
      peer,
      endsAtMs: Math.min(peer.notAfterMs, this.#credentials.certificate.notAfterMs),
      http,
      tlsGroup: groupName(socket),
      maxStreams: this.#deps.maxStreamsPerSession,
      socket,
    })
    this.#http = http
    this.#brake = this.#deps.held.brake(holding(http, socket))
    this.#session = session
    this.#finish()
    socket.removeAllListeners('close')
    followSocket(socket, http)
    socket.once('close', () => this.#reader.close())
    this.#callbacks.onDialed(ok(session))
  }

  #onError(error: Error): void {
    // After the session began, 'close' follows and tells it.
    if (this.#session !== undefined) return
    const code = errorCode(error)
    this.#fail(reasonOf(code), `${this.#where}: ${errorText(error)}`)
  }

  #fail(reason: DialFailure['reason'], message: string): void {
    if (this.#done) return
    this.#finish()
    this.#socket?.destroy()
    this.#reader.close()
    this.#callbacks.onDialed(err({ reason, message }))
  }

  #finish(): void {
    this.#done = true
    this.#timer?.[Symbol.dispose]()
  }
}

function reasonOf(code: string): DialFailure['reason'] {
  // A connection that nobody takes is refused, not reset.
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'cut'
  return code.startsWith('ECONN') || code.startsWith('EHOST') || code.startsWith('ENET') ? 'connect' : 'tls'
}

/** Node's types know the shape of key exchanges before TLS 1.3 only. */
function groupName(socket: TLSSocket): string {
  const info = socket.getEphemeralKeyInfo()
  return info !== null && 'name' in info && typeof info.name === 'string' ? info.name : 'unknown'
}
