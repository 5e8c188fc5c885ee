import type { ClientExchange, ClientHandler, RequestHead } from '@tulle/http1'
import { createHttp2Session } from '@tulle/http2'
import type { Http2Session } from '@tulle/http2'
import type { Clock } from '@tulle/core'
import { requestOverHttp2 } from '../codec/http2-client.ts'
import type { UpstreamConnection, UpstreamSpec } from './cluster.ts'
import type { ConnectDeps } from './dial.ts'

/** Sessions to one endpoint: requests share them up to the peer's limit of streams. */
export class Http2Sessions {
  readonly #spec: UpstreamSpec
  readonly #clock: Clock
  readonly #deps: ConnectDeps
  readonly #sessions: Set<SharedSession> = new Set()

  constructor(spec: UpstreamSpec, clock: Clock, deps: ConnectDeps) {
    this.#spec = spec
    this.#clock = clock
    this.#deps = deps
  }

  take(): UpstreamConnection | undefined {
    for (const session of this.#sessions) if (session.openable > 0) return session
    if (this.#sessions.size >= this.#deps.environment.limits.maxConnectionsPerEndpoint) return undefined
    const session = new SharedSession(this.#spec, this.#clock, this.#deps, () =>
      this.#sessions.delete(session),
    )
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

  constructor(spec: UpstreamSpec, clock: Clock, deps: ConnectDeps, onClose: () => void) {
    const dialled = deps.dial(spec)
    this.#session = createHttp2Session({ role: 'client', transport: dialled.link, clock, onClose })
    dialled.attach(this.#session, () => {
      this.connected = true
    })
  }

  get openable(): number {
    return this.#session.openable
  }

  request(head: RequestHead, handler: ClientHandler, end: boolean): ClientExchange | undefined {
    return requestOverHttp2(this.#session, { head, end, history: this }, handler)
  }

  drain(): void {
    this.#session.drain()
  }

  destroy(): void {
    this.#session.destroy()
  }
}
