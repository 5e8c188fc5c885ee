import type { Condition, Origin, Problem, RunSpec } from '@tulle/api'
import type { Rule } from '@tulle/policy'

/** Every list of the control API: what was asked for, at one revision. */
export interface List<Item> {
  readonly revision: number
  readonly items: readonly Item[]
}

export interface VersionView {
  readonly version: string
  readonly node: string
  /** RFC 3339. */
  readonly startedAt: string
  readonly revision: number
  readonly trustDomain: string
  readonly mtls: string
  readonly access: string
}

export interface WorkloadView {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly serviceAccount: string
  /** The SPIFFE id. */
  readonly identity: string
  readonly node: string
  readonly addresses: readonly string[]
  readonly tunnel: 'hbone' | 'none'
  readonly health: string
  /** Keys of the services it is an endpoint of: `namespace/hostname`. */
  readonly services: readonly string[]
  /** Keys of the policies that hold at it: `namespace/name`. */
  readonly policies: readonly string[]
}

export interface ServiceView {
  /** `namespace/hostname`. */
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly hostname: string
  readonly addresses: readonly string[]
  readonly ports: readonly {
    readonly servicePort: number
    readonly targetPort: number
    readonly appProtocol: string
  }[]
  /** Workloads (uid) that serve it. */
  readonly endpoints: readonly string[]
}

export interface PolicyView {
  /** `namespace/name`. */
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly scope: string
  readonly action: string
  readonly dryRun: boolean
  readonly rules: readonly Rule[]
  /** Workloads (uid) at which it holds by name. */
  readonly workloads: readonly string[]
  /** Nodes that refused it, with their reasons. */
  readonly rejectedBy: readonly { readonly node: string; readonly reason: string }[]
}

export interface ObjectView {
  /** `group/Kind/namespace/name`. */
  readonly key: string
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly origin: Origin
  readonly spec: unknown
  readonly conditions: readonly Condition[]
}

export interface NodeView {
  readonly node: string
  readonly connected: boolean
  /** RFC 3339. */
  readonly since: string
  readonly appliedRevision: number
  /** RFC 3339: since when there is something that it has not acknowledged; absent while there is nothing. */
  readonly unconfirmedSince?: string
  readonly types: readonly {
    readonly typeUrl: string
    readonly subscription: 'all' | 'on-demand'
    readonly sentRevision: number
    readonly appliedRevision: number
    readonly rejected: readonly { readonly name: string; readonly reason: string }[]
  }[]
}

/** A proxy that reads requests. */
export interface WaypointView {
  /** `namespace/name`. */
  readonly key: string
  readonly namespace: string
  readonly name: string
  /** Absent until one is allotted. */
  readonly address?: string
  /** Its name where nodes have theirs: in receipts, and for its token. */
  readonly node: string
  readonly origin: 'gateway' | 'automatic'
  /** Whether callers are sent to it. */
  readonly ready: boolean
  /** What runs through it may finish. `ending`: its process is to end then. */
  readonly leaving?: 'finishing' | 'ending'
  /** Services whose callers go through it. */
  readonly services: readonly string[]
  /** Why it is there. */
  readonly reasons: readonly string[]
}

/** A process that `tulle up` starts. */
export interface Launch {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly serviceAccount: string
  readonly node: string
  readonly address: string
  /** Whether the node proxy carries its traffic. */
  readonly enrolled: boolean
  /** `workingDir` is absolute. */
  readonly run: Required<RunSpec>
}

/** A name that leads to an address; with a `namespace`, only for the workloads of that namespace. */
export interface HostEntry {
  readonly name: string
  readonly address: string
  readonly namespace?: string
}

/** What a program is told of a service where names do not resolve. */
export interface ServiceEntry {
  readonly namespace: string
  readonly name: string
  /** Empty for a headless service. */
  readonly address: string
  readonly ports: readonly number[]
}

export interface LaunchList extends List<Launch> {
  /** Waypoints that have an address, to be run besides. */
  readonly waypoints: readonly WaypointView[]
  /** Whether what the mesh does not carry is dropped: mTLS `strict` or access `enforce`. */
  readonly strict: boolean
  readonly hosts: readonly HostEntry[]
  readonly services: readonly ServiceEntry[]
  /** By the uid of a workload: what its manifest and services say that it listens on, the manifest's first. */
  readonly ports: Readonly<Record<string, readonly number[]>>
}

export interface WaitView {
  readonly revision: number
  /** Whether every node that has workloads in the mesh applied the revision before the time was up, and refuses nothing. */
  readonly applied: boolean
  readonly nodes: readonly NodeView[]
  /** Nodes that have workloads in the mesh and no connected proxy. */
  readonly missing: readonly string[]
  /** From the revision to the last node, in milliseconds; absent while not applied, and for old revisions. */
  readonly slowestMs?: number
}

export interface SyncView {
  readonly revision: number
  readonly problems: readonly Problem[]
}
