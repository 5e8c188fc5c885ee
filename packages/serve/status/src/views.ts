import type { AnyObject, Condition } from '@tulle/api'
import { spiffeId } from '@tulle/identity'
import { waypointKey, waypointNode, workloadIdentity } from '@tulle/mesh'
import type { Service, Waypoint, Workload } from '@tulle/mesh'
import { policyKey } from '@tulle/policy'
import type { AuthorizationPolicy } from '@tulle/policy'
import type {
  NodeView,
  ObjectView,
  PolicyView,
  ServiceView,
  WaypointView,
  WorkloadView,
} from './api-types.ts'
import type { NodeProgress } from './control-state.ts'

export function workloadView(workload: Workload): WorkloadView {
  const { uid, namespace, name, serviceAccount, node, addresses, tunnel, health, policies } = workload
  const identity = spiffeId(workloadIdentity(workload))
  const services = [...workload.services.keys()]
  return {
    uid,
    namespace,
    name,
    serviceAccount,
    identity,
    node,
    addresses,
    tunnel,
    health,
    services,
    policies,
  }
}

/** `services` are the keys of those whose callers go through it. */
export function waypointView(
  waypoint: Waypoint,
  { ready, services }: { readonly ready: boolean; readonly services: readonly string[] },
): WaypointView {
  const { namespace, name, address, origin, leaving, reasons } = waypoint
  return {
    key: waypointKey(waypoint),
    namespace,
    name,
    ...(address === undefined ? {} : { address }),
    node: waypointNode(waypoint),
    origin,
    ready: ready && leaving === undefined,
    ...(leaving === undefined ? {} : { leaving }),
    services,
    reasons,
  }
}

export function serviceView(key: string, service: Service, endpoints: readonly Workload[]): ServiceView {
  const { namespace, name, hostname, ports } = service
  return {
    key,
    namespace,
    name,
    hostname,
    addresses: service.addresses.map(({ address }) => address),
    ports,
    endpoints: endpoints.map((workload) => workload.uid),
  }
}

export function policyView(
  policy: AuthorizationPolicy,
  workloads: readonly Workload[],
  nodes: readonly NodeProgress[],
): PolicyView {
  const { namespace, name, scope, action, dryRun, rules } = policy
  const key = policyKey(policy)
  const rejectedBy = nodes.flatMap(({ node, types }) =>
    types
      .flatMap((type) => type.rejected)
      .filter((rejected) => rejected.name === key)
      .map(({ reason }) => ({ node, reason })),
  )
  const holdsAt = workloads.map((workload) => workload.uid)
  return { key, namespace, name, scope, action, dryRun, rules, workloads: holdsAt, rejectedBy }
}

export function objectView(key: string, object: AnyObject, conditions: readonly Condition[]): ObjectView {
  const { group, version, kind, metadata, origin, spec } = object
  const { namespace, name } = metadata
  return { key, group, version, kind, namespace, name, origin, spec, conditions }
}

export function nodeView(progress: NodeProgress): NodeView {
  const { node, connected, sinceMs, appliedRevision, unconfirmedSinceMs, types } = progress
  return {
    node,
    connected,
    since: new Date(sinceMs).toISOString(),
    appliedRevision,
    ...(unconfirmedSinceMs === undefined
      ? {}
      : { unconfirmedSince: new Date(unconfirmedSinceMs).toISOString() }),
    types: types.map((type) => ({
      typeUrl: type.typeUrl,
      subscription: type.subscription,
      sentRevision: type.sentRevision,
      appliedRevision: type.appliedRevision,
      rejected: type.rejected.map(({ name, reason }) => ({ name, reason })),
    })),
  }
}

/** JSON's kinds of value out of ours: Maps become objects, Sets lists, bytes base64. */
export function plain(value: unknown): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]))
  if (value instanceof Set) return [...value].map(plain)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}
