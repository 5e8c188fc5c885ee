import type { ClientExchange, ClientHandler, RequestHead } from '@tulle/http1'
import { createHttp2Session, http2Error } from '@tulle/http2'
import type { Http2Session } from '@tulle/http2'
import type { Breaker } from '@tulle/balance'
import type { Clock } from '@tulle/core'
import { Http2ClientExchange } from '../codec/http2-client.ts'
import { windowSettings } from '../limits.ts'
import type { UpstreamConnection, UpstreamSpec } from './cluster.ts'
import type { ConnectDeps } from './dial.ts'

/** Heads of answers may be as large as those of HTTP/1. */
const answerLimits = { maxHeaderListBytes: 65_536, maxHeaderBlockBytes: 65_536 }

/** Sessions to one endpoint: requests share them up to the peer's limit of streams. */
export class Http2Sessions {
  readonly spec: UpstreamSpec
  readonly #clock: Clock
  readonly #deps: ConnectDeps
  readonly #breaker: Breaker
  readonly #sessions: Set<SharedSession> = new Set()

  /** `breaker` is that of the service, for all of its endpoints. */
  constructor(spec: UpstreamSpec, clock: Clock, deps: ConnectDeps, breaker: Breaker) {
    this.spec = spec
    this.#clock = clock
    this.#deps = deps
    this.#breaker = breaker
  }

  take(): UpstreamConnection | undefined {
    for (const session of this.#sessions) if (session.openable > 0) return this.#waitFor(session)
    const { maxConnectionsPerEndpoint } = this.#deps.environment.limits
    const { connections, pending } = this.#breaker
    if (this.#sessions.size >= maxConnectionsPerEndpoint || connections.isFull || pending.isFull)
      return undefined
    connections.tryTake()
    const session = new SharedSession(this.spec, this.#clock, this.#deps, {
      onConnected: () => this.#endWait(session),
      onClose: () => {
        this.#endWait(session)
        if (this.#sessions.delete(session)) connections.giveBack()
      },
    })
    this.#sessions.add(session)
    return this.#waitFor(session)
  }

  /** Until the session is up, each of its requests has a place among those that wait. */
  #waitFor(session: SharedSession): SharedSession | undefined {
    if (session.connected) return session
    if (!this.#breaker.pending.tryTake()) return undefined
    session.waiting++
    return session
  }

  #endWait(session: SharedSession): void {
    for (; session.waiting > 0; session.waiting--) this.#breaker.pending.giveBack()
  }

  /** Lets what runs finish. */
  drain(): void {
    for (const session of this.#sessions) session.drain()
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy()
  }
}

interface SessionOwner {
  onConnected(): void
  onClose(): void
}

class SharedSession implements UpstreamConnection {
  connected: boolean = false
  /** Requests that were given to it before it was up. */
  waiting: number = 0
  hasAnswered: boolean = false
  readonly #session: Http2Session
  /** Before the peer's SETTINGS. */
  #tunnels: Http2ClientExchange[] = []

  constructor(spec: UpstreamSpec, clock: Clock, deps: ConnectDeps, owner: SessionOwner) {
    const dialled = deps.dial(spec)
    this.#session = createHttp2Session({
      role: 'client',
      transport: dialled.link,
      clock,
      settings: windowSettings(deps.environment.limits),
      limits: answerLimits,
      onOpenable: () => this.#beginTunnels(),
      onClose: () => {
        for (const tunnel of this.#tunnels.splice(0)) tunnel.refuse(http2Error.cancel)
        owner.onClose()
      },
    })
    dialled.attach(this.#session, () => {
      this.connected = true
      owner.onConnected()
    })
  }

  get openable(): number {
    return this.#session.openable
  }

  request(head: RequestHead, handler: ClientHandler, end: boolean): ClientExchange | undefined {
    const exchange = new Http2ClientExchange(this.#session, handler, { head, end, history: this })
    if (head.protocol === undefined) return exchange.open() ? exchange : undefined
    // RFC 8441 §3: not before the peer has said that it takes such a request.
    this.#tunnels.push(exchange)
    queueMicrotask(() => this.#beginTunnels())
    return exchange
  }

  drain(): void {
    this.#session.drain()
  }

  destroy(): void {
    this.#session.destroy()
  }

  #beginTunnels(): void {
    const { takesExtendedConnect } = this.#session
    if (takesExtendedConnect === undefined) return
    for (const tunnel of this.#tunnels.splice(0)) {
      if (!takesExtendedConnect) tunnel.refuse(http2Error.http11Required)
      else if (!tunnel.isOver && !tunnel.open()) tunnel.refuse(http2Error.refusedStream)
    }
  }
}
