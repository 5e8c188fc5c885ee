import type { Balancer } from '@tulle/balance'
import type { Clock } from '@tulle/core'
import { EndpointCluster } from '@tulle/l7'
import type { Cluster, ClusterDirectory, Dial, L7Limits, UpstreamSpec } from '@tulle/l7'
import type { Resilience } from '@tulle/traffic'
import { endpointSource, meshEndpoints } from './mesh-endpoints.ts'
import type { DefaultProtocol, EndpointSource, MeshEndpoint } from './mesh-endpoints.ts'
import type { WaypointState } from './waypoint-state.ts'

export interface MeshClustersDeps {
  readonly state: WaypointState
  readonly clock: Clock
  readonly limits: L7Limits
  readonly dial: Dial
  readonly makeBalancer: (specs: readonly UpstreamSpec[], resilience: Resilience) => Balancer<UpstreamSpec>
}

interface Made {
  readonly cluster: EndpointCluster
  readonly destination: string
  readonly port: number
  readonly resilience: Resilience | undefined
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

  clusterOf(destination: string, port: number): Cluster | undefined {
    return this.#of(destination, port)?.cluster
  }

  endpointsOf(destination: string, port: number): readonly MeshEndpoint[] {
    return this.#of(destination, port)?.endpoints ?? []
  }

  /** The mesh has changed. */
  refresh(): void {
    for (const [key, made] of this.#made) {
      const source = endpointSource(this.#deps.state, made.destination)
      if (source === undefined || made.resilience !== this.#resilienceOf(made.destination)) {
        made.cluster.replace([])
        this.#made.delete(key)
      } else if (source.service !== made.source.service || source.workloads !== made.source.workloads) {
        made.source = source
        made.endpoints = meshEndpoints(source, made.port, this.#undeclared)
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

  #resilienceOf(destination: string): Resilience | undefined {
    const known = this.#deps.state.trafficOf(destination)
    return known === undefined || known === 'none' ? undefined : known.traffic.resilience
  }

  #of(destination: string, port: number): Made | undefined {
    const key = `${destination}:${port}`
    const known = this.#made.get(key)
    if (known !== undefined) return known
    const source = endpointSource(this.#deps.state, destination)
    if (source === undefined) return undefined
    const endpoints = meshEndpoints(source, port, this.#undeclared)
    const { clock, dial, limits, makeBalancer } = this.#deps
    const resilience = this.#resilienceOf(destination)
    const cluster = new EndpointCluster(
      { service: destination, port, endpoints, ...(resilience === undefined ? {} : { resilience }) },
      { clock, dial, environment: { limits }, makeBalancer },
    )
    const made = { cluster, destination, port, resilience, source, endpoints }
    this.#made.set(key, made)
    return made
  }
}
