import type { ClusterPlan } from '../plane/http-plan.ts'
import type { Cluster, ClusterDirectory } from './cluster.ts'
import { EndpointCluster } from './endpoint-cluster.ts'
import type { EndpointClusterDeps } from './endpoint-cluster.ts'

/** Clusters whose endpoints are known from the start. */
export class StaticClusters implements ClusterDirectory {
  readonly #clusters: ReadonlyMap<string, EndpointCluster>

  constructor(plans: readonly ClusterPlan[], deps: EndpointClusterDeps) {
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
