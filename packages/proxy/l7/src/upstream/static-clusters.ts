import type { Balancer, Endpoint } from '@tulle/balance'
import type { Clock } from '@tulle/core'
import type { ClusterPlan } from '../plane/http-plan.ts'
import type { Cluster, ClusterDirectory, UpstreamConnection, UpstreamSpec } from './cluster.ts'
import type { DialDeps } from './dial.ts'
import { Http1Connections } from './http1-connections.ts'
import { Http2Sessions } from './http2-sessions.ts'

export interface ClustersDeps extends DialDeps {
  readonly clock: Clock
  makeBalancer(specs: readonly UpstreamSpec[]): Balancer<UpstreamSpec>
}

/** Clusters whose endpoints are known from the start. */
export class StaticClusters implements ClusterDirectory {
  readonly #clusters: ReadonlyMap<string, EndpointCluster>

  constructor(plans: readonly ClusterPlan[], deps: ClustersDeps) {
    this.#clusters = new Map(
      plans.map((plan) => [keyOf(plan.service, plan.port), new EndpointCluster(plan, deps)]),
    )
  }

  clusterOf(service: string, port: number): Cluster | undefined {
    return this.#clusters.get(keyOf(service, port))
  }

  trim(): void {
    for (const cluster of this.#clusters.values()) cluster.trim()
  }

  /** Lets what runs finish. */
  drain(): void {
    for (const cluster of this.#clusters.values()) cluster.drain()
  }

  destroy(): void {
    for (const cluster of this.#clusters.values()) cluster.destroy()
  }
}

function keyOf(service: string, port: number): string {
  return port === 0 ? service : `${service}:${port}`
}

class EndpointCluster implements Cluster {
  readonly service: string
  readonly port: number
  readonly balancer: Balancer<UpstreamSpec>
  readonly #deps: ClustersDeps
  readonly #http1: Map<string, Http1Connections> = new Map()
  readonly #http2: Map<string, Http2Sessions> = new Map()

  constructor(plan: ClusterPlan, deps: ClustersDeps) {
    this.service = plan.service
    this.port = plan.port
    this.#deps = deps
    this.balancer = deps.makeBalancer(plan.endpoints)
  }

  connect({ key, spec }: Endpoint<UpstreamSpec>): UpstreamConnection | undefined {
    return spec.protocol === 'http2'
      ? this.#sessionsTo(key, spec).take()
      : this.#connectionsTo(key, spec).take()
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
    const made = new Http1Connections(spec, this.#deps.clock, this.#deps)
    this.#http1.set(key, made)
    return made
  }

  #sessionsTo(key: string, spec: UpstreamSpec): Http2Sessions {
    const known = this.#http2.get(key)
    if (known !== undefined) return known
    const made = new Http2Sessions(spec, this.#deps.clock, this.#deps)
    this.#http2.set(key, made)
    return made
  }
}
