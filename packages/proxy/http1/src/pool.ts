import type { Clock } from '@tulle/core'

import { createHttp1Client } from './client.ts'
import type { Http1Client } from './client.ts'
import { Deadline } from './deadline.ts'
import type { Http1Connection, Http1Transport } from './exchange.ts'
import type { Http1Limits } from './limits.ts'

export interface Http1PoolLimits {
  /** Open and being opened. More requests wait. */
  readonly maxConnections: number
  /** Requests that wait for a connection. More are refused. */
  readonly maxPending: number
  /** How long a request may wait for a connection. */
  readonly pendingTimeoutMs: number
  /** A connection that was not used for so long is closed. Below that of the servers, or they close it under a request. */
  readonly idleTimeoutMs: number
  /** An older connection takes no further request. 0: any age. */
  readonly maxAgeMs: number
  /** Requests of one connection. 0: any number. */
  readonly maxRequests: number
  /** Connections that idle. More are closed. */
  readonly maxIdle: number
}

export const defaultPoolLimits: Http1PoolLimits = {
  maxConnections: 1024,
  maxPending: 1024,
  pendingTimeoutMs: 5000,
  idleTimeoutMs: 30_000,
  maxAgeMs: 0,
  maxRequests: 0,
  maxIdle: 256,
}

/** What a connect tells, once one of both. */
export interface ConnectEvents {
  /** Connected: what is read from the transport goes to the connection that comes back. */
  onConnected(transport: Http1Transport): Http1Connection
  onFailed(error: Error): void
}

export interface Http1PoolOptions {
  readonly clock: Clock
  /** Begins to connect to the endpoint; may tell its end before it returns. What comes back gives it up. */
  connect(events: ConnectEvents): Disposable
  readonly limits?: Partial<Http1PoolLimits>
  readonly connectionLimits?: Partial<Http1Limits>
}

export type PoolFailure = 'full' | 'timeout' | 'connect' | 'closed'

/** Told about a connection for one request, once one of both. */
export interface PoolWaiter {
  /** An idle connection; send the request at once. */
  onReady(client: Http1Client): void
  /** `connect`: with what the connect said. */
  onFailed(failure: PoolFailure, error: Error | undefined): void
}

export interface Http1PoolCounters {
  readonly open: number
  readonly idle: number
  readonly connecting: number
  readonly pending: number
}

interface Waiting {
  readonly waiter: PoolWaiter
  readonly untilMs: number
  isOpen: boolean
}

interface Idle {
  readonly client: Http1Client
  readonly sinceMs: number
}

const nothing: Disposable = { [Symbol.dispose]: () => {} }

/** Connections to one endpoint, kept for further requests. The one that was used last is used first, so that the others can go. */
export class Http1Pool {
  readonly #options: Http1PoolOptions
  readonly #limits: Http1PoolLimits
  /** With the time at which each was opened. */
  readonly #open: Map<Http1Client, number> = new Map()
  readonly #connecting: Set<Disposable> = new Set()
  /** The one that idled longest is the first. */
  #idle: Idle[] = []
  #waiting: Waiting[] = []
  readonly #idleDeadline: Deadline
  readonly #pendingDeadline: Deadline
  #isClosed = false

  constructor(options: Http1PoolOptions) {
    this.#options = options
    this.#limits = { ...defaultPoolLimits, ...options.limits }
    this.#idleDeadline = new Deadline(options.clock, () => this.#closeIdle())
    this.#pendingDeadline = new Deadline(options.clock, () => this.#failLate())
  }

  get counters(): Http1PoolCounters {
    return {
      open: this.#open.size,
      idle: this.#idle.length,
      connecting: this.#connecting.size,
      pending: this.#waiting.length,
    }
  }

  /** Finds a connection for a request; may tell before it returns. Disposing of what comes back means: no longer wanted. */
  acquire(waiter: PoolWaiter): Disposable {
    if (this.#isClosed) {
      waiter.onFailed('closed', undefined)
      return nothing
    }
    const idle = this.#takeIdle()
    if (idle !== undefined) {
      waiter.onReady(idle)
      return nothing
    }
    if (this.#waiting.length >= this.#limits.maxPending) {
      waiter.onFailed('full', undefined)
      return nothing
    }
    return this.#wait(waiter)
  }

  /** No further requests: those that wait fail, those in progress end. */
  drain(): void {
    this.#isClosed = true
    for (const { client } of this.#idle.splice(0)) client.destroy()
    for (const connect of this.#connecting) connect[Symbol.dispose]()
    this.#connecting.clear()
    for (const waiting of this.#waiting.splice(0)) this.#fail(waiting, 'closed', undefined)
    for (const client of this.#open.keys()) client.drain()
    this.#idleDeadline.close()
    this.#pendingDeadline.close()
  }

  /** Breaks off all. */
  destroy(): void {
    this.drain()
    for (const client of this.#open.keys()) client.destroy()
  }

  #wait(waiter: PoolWaiter): Disposable {
    const { clock } = this.#options
    const untilMs = clock.monotonicMs() + this.#limits.pendingTimeoutMs
    const waiting: Waiting = { waiter, untilMs, isOpen: true }
    this.#waiting.push(waiting)
    if (!this.#pendingDeadline.isSet) this.#pendingDeadline.set(this.#limits.pendingTimeoutMs)
    this.#connectMore()
    return {
      [Symbol.dispose]: () => {
        if (!waiting.isOpen) return
        waiting.isOpen = false
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      },
    }
  }

  /** As many connects as requests wait, within bounds. */
  #connectMore(): void {
    const { maxConnections } = this.#limits
    while (
      this.#connecting.size < this.#waiting.length &&
      this.#open.size + this.#connecting.size < maxConnections
    )
      this.#connect()
  }

  #connect(): void {
    let isOver = false
    let connect: Disposable = nothing
    const handle: Disposable = { [Symbol.dispose]: () => connect[Symbol.dispose]() }
    const end = (): boolean => {
      const isFirst = !isOver
      isOver = true
      this.#connecting.delete(handle)
      return isFirst
    }
    this.#connecting.add(handle)
    connect = this.#options.connect({
      onConnected: (transport) => {
        end()
        return this.#adopt(transport)
      },
      onFailed: (error) => {
        if (end()) this.#onConnectFailed(error)
      },
    })
  }

  #adopt(transport: Http1Transport): Http1Client {
    const { clock, connectionLimits } = this.#options
    const client = createHttp1Client({
      transport,
      clock,
      ...(connectionLimits === undefined ? {} : { limits: connectionLimits }),
      onIdle: (idle) => this.#onIdle(idle),
      onClose: (closed) => this.#onClose(closed),
    })
    this.#open.set(client, clock.monotonicMs())
    if (this.#isClosed) client.destroy()
    else this.#onIdle(client)
    return client
  }

  /** The request that waits longest pays for it: others may have better luck. */
  #onConnectFailed(error: Error): void {
    const first = this.#waiting.shift()
    if (first !== undefined) this.#fail(first, 'connect', error)
    this.#connectMore()
  }

  #onIdle(client: Http1Client): void {
    if (this.#isClosed || this.#isWornOut(client)) {
      client.drain()
      return
    }
    const next = this.#waiting.shift()
    if (next !== undefined) {
      next.isOpen = false
      next.waiter.onReady(client)
      // Not used after all, by a request that changed its mind.
      if (!client.isIdle) return
    }
    this.#keep(client)
  }

  #keep(client: Http1Client): void {
    const { idleTimeoutMs, maxIdle } = this.#limits
    this.#idle.push({ client, sinceMs: this.#options.clock.monotonicMs() })
    if (this.#idle.length > maxIdle) this.#idle.shift()?.client.drain()
    if (!this.#idleDeadline.isSet) this.#idleDeadline.set(idleTimeoutMs)
  }

  #isWornOut(client: Http1Client): boolean {
    const { maxAgeMs, maxRequests } = this.#limits
    if (maxRequests > 0 && client.requests >= maxRequests) return true
    const openedMs = this.#open.get(client) ?? 0
    return maxAgeMs > 0 && this.#options.clock.monotonicMs() - openedMs >= maxAgeMs
  }

  #takeIdle(): Http1Client | undefined {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      if (!last.client.isIdle) continue
      if (!this.#isWornOut(last.client)) return last.client
      last.client.drain()
    }
    return undefined
  }

  #closeIdle(): void {
    const { clock } = this.#options
    const { idleTimeoutMs } = this.#limits
    const limitMs = clock.monotonicMs() - idleTimeoutMs
    const firstFresh = this.#idle.findIndex(({ sinceMs }) => sinceMs > limitMs)
    const old = this.#idle.splice(0, firstFresh < 0 ? this.#idle.length : firstFresh)
    for (const { client } of old) client.drain()
    const oldest = this.#idle[0]
    if (oldest !== undefined) this.#idleDeadline.set(oldest.sinceMs - limitMs)
  }

  #failLate(): void {
    const nowMs = this.#options.clock.monotonicMs()
    for (
      let first = this.#waiting[0];
      first !== undefined && first.untilMs <= nowMs;
      first = this.#waiting[0]
    ) {
      this.#waiting.shift()
      this.#fail(first, 'timeout', undefined)
    }
    const next = this.#waiting[0]
    if (next !== undefined) this.#pendingDeadline.set(next.untilMs - nowMs)
  }

  #onClose(client: Http1Client): void {
    this.#open.delete(client)
    const at = this.#idle.findIndex((idle) => idle.client === client)
    if (at >= 0) this.#idle.splice(at, 1)
    if (!this.#isClosed) this.#connectMore()
  }

  #fail(waiting: Waiting, failure: PoolFailure, error: Error | undefined): void {
    waiting.isOpen = false
    waiting.waiter.onFailed(failure, error)
  }
}
