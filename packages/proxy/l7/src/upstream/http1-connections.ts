import type { Breaker } from '@tulle/balance'
import type { Clock } from '@tulle/core'
import { createHttp1Client } from '@tulle/http1'
import type { ClientExchange, ClientHandler, Http1Client, RequestHead } from '@tulle/http1'
import { lacksKey, requestWithKey } from '../codec/websocket-key.ts'
import type { UpstreamConnection, UpstreamSpec } from './cluster.ts'
import type { ConnectDeps } from './dial.ts'

/**
 * HTTP/1 connections to one endpoint, one request at a time on each. The one that idled the shortest is taken first, so that
 * those beyond what is needed grow old, and are closed.
 */
export class Http1Connections {
  readonly spec: UpstreamSpec
  readonly #clock: Clock
  readonly #deps: ConnectDeps
  readonly #breaker: Breaker
  readonly #idle: Connection[] = []
  readonly #open: Set<Connection> = new Set()
  /** Of the last trim. */
  #trimmedMs: number
  #draining: boolean = false

  /** `breaker` is that of the service, for all of its endpoints. */
  constructor(spec: UpstreamSpec, clock: Clock, deps: ConnectDeps, breaker: Breaker) {
    this.spec = spec
    this.#clock = clock
    this.#deps = deps
    this.#breaker = breaker
    this.#trimmedMs = clock.monotonicMs()
  }

  take(): UpstreamConnection | undefined {
    const { maxConnectionsPerEndpoint } = this.#deps.environment.limits
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isIdle) return idle
      idle.destroy()
    }
    const { connections, pending } = this.#breaker
    if (this.#open.size >= maxConnectionsPerEndpoint || connections.isFull) return undefined
    if (!pending.tryTake()) return undefined
    connections.tryTake()
    const made: Connection = new Connection(this.spec, this.#clock, this.#deps, {
      onConnected: () => pending.giveBack(),
      onIdle: () => this.#onIdle(made),
      onClose: () => this.#onClose(made),
    })
    this.#open.add(made)
    return made
  }

  /** Called every few seconds: closes what idled for too long. A request then need not look at the clock. */
  trim(): void {
    this.#trimmedMs = this.#clock.monotonicMs()
    const oldestMs = this.#trimmedMs - this.#deps.environment.limits.upstreamIdleMs
    const keep = this.#idle.findIndex(({ idleSinceMs }) => idleSinceMs >= oldestMs)
    for (const idle of this.#idle.splice(0, keep < 0 ? this.#idle.length : keep)) idle.destroy()
  }

  /** Lets what runs finish. */
  drain(): void {
    this.#draining = true
    for (const idle of this.#idle.splice(0)) idle.destroy()
  }

  destroy(): void {
    this.drain()
    for (const connection of this.#open) connection.destroy()
  }

  #onIdle(connection: Connection): void {
    if (this.#draining || this.#idle.length >= this.#deps.environment.limits.maxIdlePerEndpoint) {
      connection.destroy()
      return
    }
    connection.idleSinceMs = this.#trimmedMs
    this.#idle.push(connection)
  }

  #onClose(connection: Connection): void {
    if (this.#open.delete(connection)) {
      this.#breaker.connections.giveBack()
      if (!connection.connected) this.#breaker.pending.giveBack()
    }
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
  }
}

interface ConnectionOwner {
  onConnected(): void
  onIdle(): void
  onClose(): void
}

class Connection implements UpstreamConnection {
  connected: boolean = false
  idleSinceMs: number = 0
  readonly #client: Http1Client
  readonly #owner: ConnectionOwner

  constructor(spec: UpstreamSpec, clock: Clock, deps: ConnectDeps, owner: ConnectionOwner) {
    this.#owner = owner
    const dialled = deps.dial(spec)
    this.#client = createHttp1Client({
      transport: dialled.link,
      clock,
      onIdle: () => owner.onIdle(),
      onClose: () => owner.onClose(),
    })
    dialled.attach(this.#client, () => {
      this.connected = true
      owner.onConnected()
    })
  }

  get isIdle(): boolean {
    return this.#client.isIdle
  }

  request(head: RequestHead, handler: ClientHandler, end: boolean): ClientExchange {
    const client = this.#client
    const exchange = lacksKey(head)
      ? requestWithKey(client, head, handler, end)
      : client.request(head, handler, end)
    // One that can't be sent leaves it as it was: for the next one.
    if (client.isIdle) this.#owner.onIdle()
    return exchange
  }

  destroy(): void {
    this.#client.destroy()
  }
}
