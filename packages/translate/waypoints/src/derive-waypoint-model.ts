import type { AccessPolicy } from '@tulle/access'
import type { Condition } from '@tulle/api'
import type { Collection, Graph, Look } from '@tulle/collections'
import { compareText } from '@tulle/core'
import { hbonePort } from '@tulle/hbone'
import { waypointKey } from '@tulle/mesh'
import type { GatewayAddress, Service, Waypoint, Workload } from '@tulle/mesh'
import { policyKey } from '@tulle/policy'
import type { AuthorizationPolicy } from '@tulle/policy'
import { admissionName, admissionPolicy, asAccess } from './admission.ts'
import { deriveBindings } from './bindings.ts'
import type { Binding, Bindings } from './bindings.ts'
import type { WaypointInputs } from './inputs.ts'
import { deriveRouteBackends } from './route-backends.ts'
import { conditionSet } from '@tulle/workloads'
import type { Note } from '@tulle/workloads'
import { deriveWaypoints, waypointWorkload } from './waypoints.ts'

/** The mesh with its waypoints in it. */
export interface WaypointModel {
  /** Keyed by `waypointKey`. */
  readonly waypoints: Collection<Waypoint>
  /** With the waypoint that callers go through, as soon as it is ready; keyed by `serviceKey`. */
  readonly services: Collection<Service>
  /** The same, with waypoints among them and the keys of their policies; keyed by uid. */
  readonly workloads: Collection<Workload>
  /** What lets waypoints through, keyed by `policyKey`. */
  readonly admissions: Collection<AuthorizationPolicy>
  /** Every policy as a waypoint enforces it, keyed by `policyKey`. */
  readonly access: Collection<AccessPolicy>
  /** Who is bound to which waypoint, whether that is ready or not. */
  readonly bindings: Bindings
  /** Of Workloads that run as a waypoint's account, which are none of the mesh; keyed by `objectKey`. */
  readonly conditions: Collection<readonly Condition[]>
}

export function deriveWaypointModel(graph: Graph, inputs: WaypointInputs): WaypointModel {
  const bindings = deriveBindings(graph, inputs)
  const waypoints = deriveWaypoints(graph, inputs, bindings)
  const routesTo = deriveRouteBackends(graph, inputs)
  const gatewayOf = (binding: Binding | undefined, look: Look): GatewayAddress | undefined => {
    if (binding === undefined) return undefined
    const key = waypointKey(binding)
    const address = look.one(waypoints, key)?.address
    if (address === undefined || look.one(inputs.ready, key) === undefined) return undefined
    return { destination: { kind: 'address', network: '', address }, hboneMtlsPort: hbonePort }
  }
  const services = graph.derive('bound-services', inputs.services, (service, look, key) => {
    const waypoint = gatewayOf(look.one(bindings.services, key), look)
    return waypoint === undefined ? service : { ...service, waypoint }
  })
  const own = graph.derive('bound-workloads', inputs.workloads, (workload, look, uid) => {
    // The identity is the waypoint's alone: whoever else ran as it would be let in wherever it is.
    if (look.one(waypoints, `${workload.namespace}/${workload.serviceAccount}`) !== undefined)
      return undefined
    const binding = look.one(bindings.workloads, uid)
    const waypoint = gatewayOf(binding, look)
    const called = [...workload.services.keys()].flatMap((key) => [
      key,
      ...look.by(routesTo, key).map(({ service: root }) => root),
    ])
    const through = [binding, ...called.map((key) => look.one(bindings.services, key))]
    const keys = look.one(inputs.policyKeysByWorkload, uid) ?? []
    const closed = keys.length > 0 || look.the(inputs.settings).access === 'enforce'
    const policies = closed
      ? [...new Set([...keys, ...through.flatMap((one) => admissionKeys(one, waypoints, look))])]
      : keys
    return {
      ...workload,
      policies: policies.toSorted(compareText),
      ...(waypoint === undefined ? {} : { waypoint }),
    }
  })
  const instances = graph.deriveMany('waypoint-workloads', waypoints, (waypoint, look) => {
    if (waypoint.address === undefined) return []
    const workload = waypointWorkload(waypoint, waypoint.address, look.the(inputs.settings))
    return [[workload.uid, workload]]
  })
  const admissions = deriveAdmissions(graph, inputs, waypoints)
  return {
    waypoints,
    services,
    workloads: graph.join('workloads-and-waypoints', [own, instances]),
    admissions,
    bindings,
    access: deriveAccess(graph, inputs, admissions),
    conditions: graph.derive('reserved-accounts', inputs.api.workloads, ({ metadata, spec }, look) =>
      look.one(waypoints, `${metadata.namespace}/${spec.serviceAccount}`) === undefined
        ? undefined
        : conditionSet({ accepted: reservedAccount(spec.serviceAccount) }),
    ),
  }
}

function reservedAccount(account: string): Note {
  const message = `the ServiceAccount ${account} is a waypoint's, and nobody else runs as it`
  return { status: 'False', reason: 'ReservedAccount', message }
}

/** A name of a waypoint that is not there names no policy: one that nobody has would close the workload. */
function admissionKeys(
  binding: Binding | undefined,
  waypoints: Collection<Waypoint>,
  look: Look,
): readonly string[] {
  if (binding === undefined || look.one(waypoints, waypointKey(binding)) === undefined) return []
  return [policyKey({ namespace: binding.namespace, name: admissionName(binding.name) })]
}

function deriveAdmissions(
  graph: Graph,
  inputs: WaypointInputs,
  waypoints: Collection<Waypoint>,
): Collection<AuthorizationPolicy> {
  return graph.deriveMany('waypoint-admissions', waypoints, (waypoint, look) => {
    const policy = admissionPolicy(waypoint, look.the(inputs.settings))
    return [[policyKey(policy), policy]]
  })
}

function deriveAccess(
  graph: Graph,
  inputs: WaypointInputs,
  admissions: Collection<AuthorizationPolicy>,
): Collection<AccessPolicy> {
  return graph.join('access', [
    graph.deriveMany('target-access', inputs.targets, ({ access }) =>
      access === undefined ? [] : [[policyKey(access), access]],
    ),
    graph.derive('mode-access', inputs.modePolicies, asAccess),
    graph.derive('admission-access', admissions, asAccess),
  ])
}
