import type { Balancer, Endpoint } from '@tulle/balance'
import type { Clock } from '@tulle/core'
import type { Resilience } from '@tulle/traffic'
import { ServiceResilience } from '../resilience.ts'
import type { ClusterPlan } from '../plane/http-plan.ts'
import type { Cluster, UpstreamConnection, UpstreamSpec } from './cluster.ts'
import type { ConnectDeps } from './dial.ts'
import { Http1Connections } from './http1-connections.ts'
import { Http2Sessions } from './http2-sessions.ts'

export interface EndpointClusterDeps extends ConnectDeps {
  readonly clock: Clock
  makeBalancer(specs: readonly UpstreamSpec[], resilience: Resilience): Balancer<UpstreamSpec>
}

/** The endpoints of one port of one service, with the connections to each. */
export class EndpointCluster implements Cluster {
  readonly service: string
  readonly port: number
  readonly balancer: Balancer<UpstreamSpec>
  readonly resilience: ServiceResilience
  readonly #deps: EndpointClusterDeps
  readonly #http1: Map<string, Http1Connections> = new Map()
  readonly #http2: Map<string, Http2Sessions> = new Map()

  constructor(plan: ClusterPlan, deps: EndpointClusterDeps) {
    this.service = plan.service
    this.port = plan.port
    this.#deps = deps
    const { resilience = {} } = plan
    this.balancer = deps.makeBalancer(plan.endpoints, resilience)
    this.resilience = new ServiceResilience(resilience, deps.clock)
  }

  connect({ key, spec }: Endpoint<UpstreamSpec>): UpstreamConnection | undefined {
    return spec.protocol === 'http2'
      ? this.#sessionsTo(key, spec).take()
      : this.#connectionsTo(key, spec).take()
  }

  /** Other endpoints from now on; connections to those that are gone, or are reached otherwise, finish what runs on them. */
  replace(specs: readonly UpstreamSpec[]): void {
    this.balancer.replace(specs)
    const byKey = new Map(specs.map((spec) => [spec.key, spec]))
    for (const made of [this.#http1, this.#http2])
      for (const [key, connections] of made) {
        const spec = byKey.get(key)
        if (spec !== undefined && spec.way === connections.spec.way) continue
        connections.drain()
        made.delete(key)
      }
  }

  trim(): void {
    for (const connections of this.#http1.values()) connections.trim()
  }

  drain(): void {
    for (const connections of this.#http1.values()) connections.drain()
    for (const sessions of this.#http2.values()) sessions.drain()
  }

  destroy(): void {
    for (const connections of this.#http1.values()) connections.destroy()
    for (const sessions of this.#http2.values()) sessions.destroy()
  }

  #connectionsTo(key: string, spec: UpstreamSpec): Http1Connections {
    const known = this.#http1.get(key)
    if (known !== undefined) return known
    const made = new Http1Connections(spec, this.#deps.clock, this.#deps, this.resilience.breaker)
    this.#http1.set(key, made)
    return made
  }

  #sessionsTo(key: string, spec: UpstreamSpec): Http2Sessions {
    const known = this.#http2.get(key)
    if (known !== undefined) return known
    const made = new Http2Sessions(spec, this.#deps.clock, this.#deps, this.resilience.breaker)
    this.#http2.set(key, made)
    return made
  }
}
