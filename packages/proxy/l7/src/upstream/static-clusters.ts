import type { ClusterPlan } from '../plane/http-plan.ts'
import type { Cluster, ClusterDirectory } from './cluster.ts'
import { EndpointCluster } from './endpoint-cluster.ts'
import type { EndpointClusterDeps } from './endpoint-cluster.ts'

/** Clusters whose endpoints are known from the start. */
export class StaticClusters implements ClusterDirectory {
  readonly #clusters: readonly EndpointCluster[]
  /** By port, then service: asked for each request, which then makes no key of both. */
  readonly #byPort: Map<number, Map<string, EndpointCluster>> = new Map()

  constructor(plans: readonly ClusterPlan[], deps: EndpointClusterDeps) {
    this.#clusters = plans.map((plan) => new EndpointCluster(plan, deps))
    for (const cluster of this.#clusters) {
      const ofPort = this.#byPort.get(cluster.port) ?? new Map<string, EndpointCluster>()
      this.#byPort.set(cluster.port, ofPort.set(cluster.service, cluster))
    }
  }

  clusterOf(service: string, port: number): Cluster | undefined {
    return this.#byPort.get(port)?.get(service)
  }

  trim(): void {
    for (const cluster of this.#clusters) cluster.trim()
  }

  /** Lets what runs finish. */
  drain(): void {
    for (const cluster of this.#clusters) cluster.drain()
  }

  destroy(): void {
    for (const cluster of this.#clusters) cluster.destroy()
  }
}
