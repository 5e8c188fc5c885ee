import type { Balancer } from '@tulle/balance'
import type { Clock } from '@tulle/core'
import { EndpointCluster, shareOfResilience, tlsKey } from '@tulle/l7'
import type { Cluster, ClusterDirectory, Dial, L7Limits, UpstreamSpec } from '@tulle/l7'
import { resilienceAt } from '@tulle/traffic'
import type { Resilience, TlsTerms } from '@tulle/traffic'
import { endpointSource, meshEndpoints } from './mesh-endpoints.ts'
import type { DefaultProtocol, EndpointSource, MeshEndpoint } from './mesh-endpoints.ts'
import { isSamePlace, placeFor } from './nearness.ts'
import type { OwnPlace } from './nearness.ts'
import type { WaypointState } from './waypoint-state.ts'

export interface MeshClustersDeps {
  readonly state: WaypointState
  readonly clock: Clock
  readonly limits: L7Limits
  /** That a service's limits are divided among. */
  readonly workers: number
  readonly dial: Dial
  readonly makeBalancer: (
    specs: readonly UpstreamSpec[],
    resilience: Resilience,
    place: OwnPlace | undefined,
  ) => Balancer<UpstreamSpec>
}

interface Made {
  readonly cluster: EndpointCluster
  readonly destination: string
  readonly port: number
  readonly resilience: Resilience | undefined
  readonly tls: TlsTerms | undefined
  readonly place: OwnPlace | undefined
  source: EndpointSource
  endpoints: readonly MeshEndpoint[]
}

/** Clusters of the mesh's services, made when a request wants them and kept as the mesh has them. */
export class MeshClusters implements ClusterDirectory {
  readonly #deps: MeshClustersDeps
  readonly #undeclared: DefaultProtocol
  readonly #made: Map<string, Made> = new Map()

  /** `undeclared`: how requests are spoken to ports that do not say. */
  constructor(deps: MeshClustersDeps, undeclared: DefaultProtocol) {
    this.#deps = deps
    this.#undeclared = undeclared
  }

  clusterOf(destination: string, port: number, tls?: TlsTerms): Cluster | undefined {
    return this.#of(destination, port, tls)?.cluster
  }

  endpointsOf(destination: string, port: number): readonly MeshEndpoint[] {
    return this.#of(destination, port)?.endpoints ?? []
  }

  /** The mesh has changed. */
  refresh(): void {
    for (const [key, made] of this.#made) {
      const source = endpointSource(this.#deps.state, made.destination)
      const isOver = made.tls !== undefined && !this.#deps.state.asksForTls(made.tls)
      const resilience = this.#resilienceOf(made.destination, made.port)
      const isChanged =
        made.resilience !== resilience || !isSamePlace(made.place, this.#placeFor(resilience, source))
      if (isOver || source === undefined || isChanged) {
        made.cluster.replace([])
        this.#made.delete(key)
      } else if (source.service !== made.source.service || source.workloads !== made.source.workloads) {
        made.source = source
        made.endpoints = this.#endpoints(source, made.port, made.tls)
        made.cluster.replace(made.endpoints)
      }
    }
  }

  trim(): void {
    for (const { cluster } of this.#made.values()) cluster.trim()
  }

  destroy(): void {
    for (const { cluster } of this.#made.values()) cluster.destroy()
  }

  #resilienceOf(destination: string, port: number): Resilience | undefined {
    const known = this.#deps.state.trafficOf(destination)
    return known === undefined || known === 'none' ? undefined : resilienceAt(known.traffic, port)
  }

  #placeFor(resilience: Resilience | undefined, source: EndpointSource | undefined): OwnPlace | undefined {
    return placeFor(this.#deps.state.own?.locality, resilience?.locality, source?.service)
  }

  #endpoints(source: EndpointSource, port: number, tls: TlsTerms | undefined): readonly MeshEndpoint[] {
    const endpoints = meshEndpoints(source, port, this.#undeclared)
    return tls === undefined ? endpoints : endpoints.map((endpoint) => ({ ...endpoint, tls }))
  }

  #of(destination: string, port: number, tls?: TlsTerms): Made | undefined {
    const plain = `${destination}:${port}`
    const key = tls === undefined ? plain : `${plain} ${tlsKey(tls)}`
    const known = this.#made.get(key)
    if (known !== undefined) return known
    const source = endpointSource(this.#deps.state, destination)
    if (source === undefined) return undefined
    const endpoints = this.#endpoints(source, port, tls)
    const { clock, dial, limits, makeBalancer, workers } = this.#deps
    const resilience = this.#resilienceOf(destination, port)
    const place = this.#placeFor(resilience, source)
    const share = shareOfResilience(resilience ?? {}, workers)
    // What routes lead to need not be bound here, and has limits of its own.
    this.#deps.state.want(destination)
    const cluster = new EndpointCluster(
      { service: destination, port, endpoints, resilience: share },
      {
        clock,
        dial,
        environment: { limits },
        makeBalancer: (specs, terms) => makeBalancer(specs, terms, place),
      },
    )
    const made = { cluster, destination, port, resilience, tls, place, source, endpoints }
    this.#made.set(key, made)
    return made
  }
}
