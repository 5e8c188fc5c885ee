import type { AnyObject, Condition, Problem } from '@tulle/api'
import type { Collection, Graph, Singleton } from '@tulle/collections'
import type { Result } from '@tulle/core'
import type { Service, Waypoint, Workload } from '@tulle/mesh'
import type { AuthorizationPolicy } from '@tulle/policy'

/** How far a node is; what @tulle/xds calls a NodeReceipt. */
export interface NodeProgress {
  readonly node: string
  readonly connected: boolean
  readonly sinceMs: number
  readonly appliedRevision: number
  readonly unconfirmedSinceMs?: number
  readonly types: readonly {
    readonly typeUrl: string
    readonly subscription: 'all' | 'on-demand'
    readonly sentRevision: number
    readonly appliedRevision: number
    readonly rejected: readonly { readonly name: string; readonly reason: string }[]
  }[]
}

export interface RevisionProgress {
  /** Whether every connected node has acknowledged it, be it with refusals. */
  readonly answered: boolean
  /** Whether every connected node has applied it and refuses nothing. */
  readonly everywhere: boolean
  /** Connected nodes only. */
  readonly nodes: readonly NodeProgress[]
  readonly slowestMs: number | undefined
}

/** Who has applied what; @tulle/xds keeps them. */
export interface NodeReceipts {
  nodes(): readonly NodeProgress[]
  report(revision: number): RevisionProgress
  subscribe(onChange: () => void): Disposable
}

export interface ExplainRequest {
  readonly from: string
  readonly to: string
  readonly port: number | undefined
  /** What is asked; absent where it is about the connection alone. */
  readonly request?: {
    readonly method: string
    /** As it would be sent. */
    readonly path: string
    readonly headers: readonly (readonly [name: string, value: string])[]
  }
}

/** Everything that the control API tells of. */
export interface ControlState {
  readonly version: string
  readonly startedAtMs: number
  readonly graph: Graph
  readonly settings: Singleton<{
    readonly trustDomain: string
    readonly mtls: string
    readonly access: string
  }>
  /** Keyed by `objectKey`, as are the conditions. */
  readonly objects: Collection<AnyObject>
  readonly conditions: Collection<readonly Condition[]>
  readonly problems: Collection<Problem>
  readonly workloads: Collection<Workload>
  readonly services: Collection<Service>
  readonly policies: Collection<AuthorizationPolicy>
  /** Keyed by `waypointKey`, as are those that are ready. */
  readonly waypoints: Collection<Waypoint>
  readonly readyWaypoints: Collection<true>
  readonly receipts: NodeReceipts
  /** Names of the resources that an object became: a workload's uid, a service's or policy's key. */
  resourceNames(object: AnyObject): readonly string[]
  /** The error says which name leads nowhere. */
  explain(request: ExplainRequest): Result<unknown>
  /** Reads the sources again; the revision that holds all of it. */
  sync(): Promise<number>
}
