import type { ClientExchange, ClientHandler, RequestHead } from '@tulle/http1'
import { createHttp2Session, http2Error } from '@tulle/http2'
import type { Http2Session } from '@tulle/http2'
import type { Limit } from '@tulle/balance'
import type { Clock } from '@tulle/core'
import { Http2ClientExchange } from '../codec/http2-client.ts'
import { windowSettings } from '../limits.ts'
import type { UpstreamConnection, UpstreamSpec } from './cluster.ts'
import type { ConnectDeps } from './dial.ts'

/** Heads of answers may be as large as those of HTTP/1. */
const answerLimits = { maxHeaderListBytes: 65_536, maxHeaderBlockBytes: 65_536 }

/** Sessions to one endpoint: requests share them up to the peer's limit of streams. */
export class Http2Sessions {
  readonly #spec: UpstreamSpec
  readonly #clock: Clock
  readonly #deps: ConnectDeps
  readonly #limit: Limit
  readonly #sessions: Set<SharedSession> = new Set()

  /** `limit` is that of the service's connections, to all of its endpoints. */
  constructor(spec: UpstreamSpec, clock: Clock, deps: ConnectDeps, limit: Limit) {
    this.#spec = spec
    this.#clock = clock
    this.#deps = deps
    this.#limit = limit
  }

  take(): UpstreamConnection | undefined {
    for (const session of this.#sessions) if (session.openable > 0) return session
    const { maxConnectionsPerEndpoint } = this.#deps.environment.limits
    if (this.#sessions.size >= maxConnectionsPerEndpoint || !this.#limit.tryTake()) return undefined
    const session = new SharedSession(this.#spec, this.#clock, this.#deps, () => {
      if (this.#sessions.delete(session)) this.#limit.giveBack()
    })
    this.#sessions.add(session)
    return session
  }

  /** Lets what runs finish. */
  drain(): void {
    for (const session of this.#sessions) session.drain()
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy()
  }
}

class SharedSession implements UpstreamConnection {
  connected: boolean = false
  hasAnswered: boolean = false
  readonly #session: Http2Session
  /** Before the peer's SETTINGS. */
  #tunnels: Http2ClientExchange[] = []

  constructor(spec: UpstreamSpec, clock: Clock, deps: ConnectDeps, onClose: () => void) {
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
        onClose()
      },
    })
    dialled.attach(this.#session, () => {
      this.connected = true
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
