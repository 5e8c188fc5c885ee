import { createHttp1Server } from '@tulle/http1'
import type { Refusal, RequestHead, ServerExchange, ServerHandler } from '@tulle/http1'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import { createHttp2Server } from '../codec/http2-server.ts'
import type { Downstream } from '../downstream.ts'
import type { L7Environment } from '../environment.ts'
import { windowSettings } from '../limits.ts'
import type { Arrival, Ends } from '../net/listener.ts'
import { RequestRun } from '../request-run.ts'
import type { ListenerPlan } from './http-plan.ts'

interface OpenConnection {
  drain(): void
  destroy(): void
}

/** The clients' connections of one thread. */
export class Connections {
  readonly #environment: L7Environment
  readonly #onChange: (change: 1 | -1) => void
  readonly #open: Set<OpenConnection> = new Set()
  #draining: boolean = false
  #emptied: PromiseWithResolvers<void> | undefined

  constructor(environment: L7Environment, onChange: (change: 1 | -1) => void) {
    this.#environment = environment
    this.#onChange = onChange
  }

  get size(): number {
    return this.#open.size
  }

  add({ ends, transport, attach, isHttp2 }: Arrival, plan: ListenerPlan): void {
    const downstream = downstreamOf(ends, plan)
    if (downstream === undefined) {
      // It has gone already.
      transport.destroy()
      return
    }
    const environment = this.#environment
    const options = {
      transport,
      clock: environment.clock,
      settings: windowSettings(environment.limits),
      patience: environment,
      scheme: downstream.scheme,
      onRequest: (head: RequestHead, exchange: ServerExchange, end: boolean): ServerHandler => {
        const run = new RequestRun(environment, downstream, head, exchange)
        run.begin(end)
        return run
      },
      onRefused: (refusal: Refusal) => environment.onUnread(refusal),
      onClose: () => this.#remove(connection),
    }
    const connection = isHttp2 ? createHttp2Server(options) : createHttp1Server(options)
    this.#open.add(connection)
    this.#onChange(1)
    attach(connection)
    if (this.#draining) connection.drain()
  }

  /** Lets requests finish and says so to clients; resolves when the last connection is closed. */
  drain(): Promise<void> {
    this.#draining = true
    for (const connection of this.#open) connection.drain()
    if (this.#open.size === 0) return Promise.resolve()
    this.#emptied ??= Promise.withResolvers()
    return this.#emptied.promise
  }

  destroy(): void {
    for (const connection of this.#open) connection.destroy()
  }

  #remove(connection: OpenConnection): void {
    if (!this.#open.delete(connection)) return
    this.#onChange(-1)
    if (this.#open.size === 0) this.#emptied?.resolve()
  }
}

function downstreamOf(ends: Ends, plan: ListenerPlan): Downstream | undefined {
  const source = addressOf(ends.peerIp)
  const destination = addressOf(ends.localIp)
  if (source === undefined || destination === undefined) return undefined
  return {
    facts: {
      identity: undefined,
      sourceIp: source,
      destinationIp: destination,
      destinationPort: plan.port,
    },
    sourcePort: ends.peerPort,
    principal: undefined,
    namespace: '',
    scheme: plan.protocol === 'https' ? 'https' : 'http',
    service: plan.traffic.service,
    port: plan.port,
    logged: undefined,
  }
}

function addressOf(text: string | undefined): IpAddress | undefined {
  if (text === undefined) return undefined
  const zone = text.indexOf('%')
  const parsed = parseIpAddress(zone < 0 ? text : text.slice(0, zone))
  return parsed.ok ? parsed.value : undefined
}
