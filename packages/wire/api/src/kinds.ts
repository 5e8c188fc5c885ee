import type { TracingSettings } from '@tulle/mesh'
import type { ApiKinds } from './api-collections.ts'

/** Where an object was written: a file and a place in it, both counted from 1. */
export interface Origin {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Where the fields of an object stand, by path. */
export type Positions = Pick<ReadonlyMap<string, Origin>, 'get'>

export interface ObjectMeta {
  readonly name: string
  /** '' for kinds without a namespace; `default` where the document has none. */
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** RFC 3339, where the source has one: files usually have none. */
  readonly creationTimestamp?: string
  /** Counts the changes of the spec, where the source does: files do not. */
  readonly generation?: number
}

/** An object in its hub version, whatever version it was written in. */
export interface ApiObject<Kind extends string = string, Spec = unknown, Group extends string = string> {
  /** '' for the core group. */
  readonly group: Group
  /** The version it was written in. */
  readonly version: string
  readonly kind: Kind
  readonly metadata: ObjectMeta
  readonly spec: Spec
  readonly origin: Origin
  /** Where fields stand, by path (`spec.rules[0].name`), for conditions that point at one. */
  readonly positions: Positions
}

export type NamespaceObject = ApiObject<'Namespace', Record<string, never>>
export type ServiceAccountObject = ApiObject<'ServiceAccount', Record<string, never>>

/** Of a ConfigMap the mesh reads nothing but `ca.crt`. */
export interface ConfigMapSpec {
  /** PEM, as it was written. */
  readonly caCertificates?: string
}
export type ConfigMapObject = ApiObject<'ConfigMap', ConfigMapSpec>

export interface ServiceSpec {
  readonly selector: Readonly<Record<string, string>>
  /** An address, `None` for headless, or absent: one is allotted. */
  readonly clusterIP?: string
  readonly ports: readonly ServicePortSpec[]
  readonly trafficDistribution?: TrafficDistribution
}

/** @see https://kubernetes.io/docs/concepts/services-networking/service/#traffic-distribution */
export type TrafficDistribution = 'PreferSameZone' | 'PreferSameNode'

export interface ServicePortSpec {
  readonly name?: string
  readonly protocol: 'TCP' | 'UDP'
  readonly port: number
  /** A number, or the name of one of the workload's ports; absent = `port`. */
  readonly targetPort?: number | string
  readonly appProtocol?: string
}
export type ServiceObject = ApiObject<'Service', ServiceSpec>

/** One a mesh; its namespace does not matter. */
export interface MeshSpec {
  readonly trustDomain?: string
  readonly mtls: 'permissive' | 'strict'
  readonly access: 'enforce-selected' | 'audit' | 'enforce'
  readonly telemetry?: { readonly tracing?: TracingSettings }
}
export type MeshObject = ApiObject<'Mesh', MeshSpec>

/**
 * Who is no longer believed although a certificate says so; the lists of all such objects add up. An entry that is
 * none takes nothing from the others, so the texts are checked when they are used.
 */
export interface RevocationSpec {
  /** SPIFFE ids. */
  readonly identities: readonly string[]
  /** Serial numbers of certificates, in hex. */
  readonly serials: readonly string[]
}
export type RevocationObject = ApiObject<'Revocation', RevocationSpec>

/** A process, VM or machine. It has an `address` of its own, or is started by `tulle up` (`run`) and gets one. */
export interface WorkloadSpec {
  readonly serviceAccount: string
  readonly node?: string
  readonly address?: string
  readonly run?: RunSpec
  readonly ports: readonly { readonly name?: string; readonly port: number }[]
  /** Whether a node proxy receives for it; defaults to true with `run`, false with `address`. */
  readonly hbone: boolean
  readonly capacity: number
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly subzone?: string }
}

export interface RunSpec {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Relative to the manifest's folder. */
  readonly workingDir?: string
}
export type WorkloadObject = ApiObject<'Workload', WorkloadSpec>

export interface SubjectSpec {
  readonly kind: string
  readonly name: string
  /** The object's own namespace where the document has none. */
  readonly namespace: string
}

export interface TargetRuleSpec {
  readonly kind: 'HTTPRouteGroup' | 'TCPRoute' | 'UDPRoute'
  readonly name: string
  /** Absent = all matches of the group. */
  readonly matches?: readonly string[]
}

export interface TrafficTargetSpec {
  readonly destination: SubjectSpec
  readonly sources: readonly SubjectSpec[]
  readonly rules: readonly TargetRuleSpec[]
}
export type TrafficTargetObject = ApiObject<'TrafficTarget', TrafficTargetSpec>

export interface HttpMatchSpec {
  readonly name: string
  readonly pathRegex?: string
  /** Absent = any. */
  readonly methods?: readonly string[]
  readonly headers: readonly { readonly name: string; readonly regex: string }[]
}
export type HttpRouteGroupObject = ApiObject<'HTTPRouteGroup', { readonly matches: readonly HttpMatchSpec[] }>

/** Of SMI; the Gateway API has kinds of the same names. Empty ports = all ports. */
export type TcpRouteObject = ApiObject<'TCPRoute', { readonly ports: readonly number[] }, 'specs.smi-spec.io'>
export type UdpRouteObject = ApiObject<'UDPRoute', { readonly ports: readonly number[] }, 'specs.smi-spec.io'>

export interface TrafficSplitSpec {
  /** The name that clients use, as it was written: of a Service, with or without its namespace and domain. */
  readonly service: string
  readonly backends: readonly { readonly service: string; readonly weight: number }[]
  /** Absent = every request. */
  readonly matches?: readonly { readonly kind: 'HTTPRouteGroup'; readonly name: string }[]
}
export type TrafficSplitObject = ApiObject<'TrafficSplit', TrafficSplitSpec>

export type AnyObject = ApiKinds[keyof ApiKinds]

/** `group/Kind/namespace/name`; the group is needed because the Gateway API has a TCPRoute too. */
export function objectKey(object: {
  readonly group: string
  readonly kind: string
  readonly metadata: { readonly namespace: string; readonly name: string }
}): string {
  return `${object.group}/${object.kind}/${object.metadata.namespace}/${object.metadata.name}`
}

/** What the mesh says of an object. @see Kubernetes API conventions, typical status properties */
export interface Condition {
  readonly type: 'Accepted' | 'ResolvedRefs' | 'Programmed' | 'Conflicted' | 'PartiallyInvalid'
  readonly status: 'True' | 'False' | 'Unknown'
  /** CamelCase, stable. */
  readonly reason: string
  readonly message: string
  /** The field that it is about. */
  readonly position?: Origin
  /** The `metadata.generation` that it speaks of, where the object has one. */
  readonly observedGeneration?: number
  /** Of a route: the one of its `parentRefs` that it is about. */
  readonly parent?: { readonly index: number; readonly label: string }
}

/** A document, or part of one, that could not be read: the object does not exist for the mesh. */
export interface Problem {
  readonly severity: 'error' | 'warning'
  /** Stable, such as API_UNKNOWN_FIELD. */
  readonly code: string
  readonly origin: Origin
  /** `Kind namespace/name`, as far as it could be read; '' otherwise. */
  readonly object: string
  /** Path of the field: `spec.destination.knd`; '' for the document. */
  readonly path: string
  /** What was found, what was expected, the nearest valid choice. */
  readonly message: string
}
