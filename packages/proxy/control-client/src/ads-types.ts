import type { Clock, Rng } from '@tulle/core'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { Component, Log, MetricsRegistry } from '@tulle/runtime'

/** A resource that could not be applied, and why, in a few words. */
export interface RejectedResource {
  readonly name: string
  readonly reason: string
}

/** What the client says of itself, in the shape that istiod expects. Servers must not believe it. */
export interface AdsNode {
  /** The node's name. */
  readonly name: string
  /** `ztunnel~<ip>~<pod>.<ns>~<ns>.svc.cluster.local`; made from the others when absent. */
  readonly id?: string
  readonly podName?: string
  readonly podNamespace?: string
  readonly addresses?: readonly string[]
  /** Further metadata, such as ISTIO_META_… of the environment. */
  readonly metadata?: Readonly<Record<string, string>>
}

export interface AdsClientOptions {
  /** `host:port` of the control plane. */
  readonly address: string
  /** PEM file with the roots that the server's certificate must lead to; read again at each connect. */
  readonly rootsFile: string
  /** File with the bearer token; read again at each connect. */
  readonly tokenFile: string
  /** The name that the server's certificate must carry; `tulle-control` when absent. */
  readonly serverName?: string
  readonly node: AdsNode
  /** The `clusterid` header; `Kubernetes` when absent, as in Istio. */
  readonly clusterId?: string
  /**
   * Types to ask for, in the order in which they are asked for; when absent trust bundles, revocations, policies,
   * addresses. The first two are ours: a control plane that does not know them answers nothing, and nobody waits.
   */
  readonly typeUrls?: readonly string[]
  /** Types of which only what `demand` names is asked for. */
  readonly onDemand?: readonly string[]
  /**
   * Takes an update over, in all of the proxy; what it returns was not taken over. Called for one update at a
   * time. The update is acknowledged after it resolves. If it rejects, the stream is opened anew and the
   * update comes again.
   */
  readonly apply: (update: ResourceUpdate) => Promise<readonly RejectedResource[]>
  /**
   * Where it is kept how far the control plane's history had come, so that what is in force is not replaced by
   * something older, also after a restart. Absent: it is known while the process runs.
   */
  readonly historyFile?: string
  /** The first stream is not opened before this settles; at once where absent. */
  readonly opensAfter?: Promise<void>
}

export interface AdsClientDeps {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  readonly metrics: MetricsRegistry
}

/**
 * Keeps a stream to the control plane open and hands on what arrives. `start` resolves at once: the control
 * plane may be away, and what was applied before stays in force.
 */
export interface AdsClient extends Component {
  /** Whether the stream is open and the server has answered on it. */
  readonly connected: boolean
  /** Why the state that the control plane offers was refused as a whole; undefined where it was not. */
  readonly refusedState: string | undefined
  /** Whether each type had its first full state applied, since the start; those that are ours alone don't count. */
  readonly synced: boolean
  /** Resolves when `synced` becomes true: the proxy may open its listeners. Rejects when the client ends first. */
  readonly whenSynced: Promise<void>
  /**
   * Before `start`: what a former process had in force, and what it refused. The control plane is told of the
   * versions and sends what is different, removals by name.
   */
  resume(update: ResourceUpdate, rejected: readonly RejectedResource[]): void
  /** Asks for one resource, by name or alias, of a type that is served on demand. */
  demand(typeUrl: string, name: string): void
  /** Asks for it no longer. What is known stays as it is, and is told of no more. */
  release(typeUrl: string, name: string): void
}
