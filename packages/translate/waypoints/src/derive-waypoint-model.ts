import type { AccessPolicy } from '@tulle/access'
import type { Condition } from '@tulle/api'
import type { Collection, Graph, Index, Look } from '@tulle/collections'
import { compareText } from '@tulle/core'
import { hbonePort } from '@tulle/hbone'
import { waypointKey } from '@tulle/mesh'
import type { GatewayAddress, Service, Waypoint, Workload } from '@tulle/mesh'
import { policyKey } from '@tulle/policy'
import type { AuthorizationPolicy } from '@tulle/policy'
import { admissionName, admissionPolicy, asAccess } from './admission.ts'
import { deriveBindings } from './bindings.ts'
import type { Bindings } from './bindings.ts'
import { indexCanaries, sharesOf } from './canaries.ts'
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
  /** The waypoints that lead to a workload, by its uid: their keys, in order. */
  readonly leads: Collection<readonly string[]>
  /** Of Workloads that run as a waypoint's account, which are none of the mesh; keyed by `objectKey`. */
  readonly conditions: Collection<readonly Condition[]>
}

export function deriveWaypointModel(graph: Graph, inputs: WaypointInputs): WaypointModel {
  const bindings = deriveBindings(graph, inputs)
  const waypoints = deriveWaypoints(graph, inputs, bindings)
  const canaries = indexCanaries(graph, waypoints)
  const gatewayOf = (
    binding: Pick<Waypoint, 'namespace' | 'name'> | undefined,
    look: Look,
  ): GatewayAddress | undefined => {
    if (binding === undefined) return undefined
    const key = waypointKey(binding)
    const { address, leaving } = look.one(waypoints, key) ?? {}
    if (address === undefined || leaving !== undefined || look.one(inputs.ready, key) === undefined)
      return undefined
    return { destination: { kind: 'address', network: '', address }, hboneMtlsPort: hbonePort }
  }
  const services = graph.derive('bound-services', inputs.services, (service, look, key) => {
    const binding = look.one(bindings.services, key)
    const waypoint = gatewayOf(binding, look)
    if (binding === undefined || waypoint === undefined) return service
    const addressOf = (canary: Waypoint): GatewayAddress | undefined => gatewayOf(canary, look)
    const weightedWaypoints = sharesOf(waypointKey(binding), waypoint, { canaries, look, addressOf })
    return { ...service, waypoint, weightedWaypoints }
  })
  const leads = deriveLeads(graph, inputs, { bindings, canaries })
  const own = graph.derive('bound-workloads', inputs.workloads, (workload, look, uid) => {
    // The identity is the waypoint's alone: whoever else ran as it would be let in wherever it is.
    if (look.one(waypoints, `${workload.namespace}/${workload.serviceAccount}`) !== undefined)
      return undefined
    const waypoint = gatewayOf(look.one(bindings.workloads, uid), look)
    const through = [...(look.one(leads, uid) ?? []), ...(look.one(inputs.ledBefore, uid) ?? [])]
    const keys = look.one(inputs.policyKeysByWorkload, uid) ?? []
    const closed = keys.length > 0 || look.the(inputs.settings).access === 'enforce'
    const policies =
      closed && through.length > 0
        ? [...new Set([...keys, ...through.flatMap((key) => admissionKeys(key, waypoints, look))])]
        : keys
    return {
      ...workload,
      policies: policies.length > 1 ? policies.toSorted(compareText) : policies,
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
    leads,
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

/** Those that the workload itself names, and those of all services that lead to it. */
function deriveLeads(
  graph: Graph,
  inputs: WaypointInputs,
  { bindings, canaries }: { readonly bindings: Bindings; readonly canaries: Index<Waypoint> },
): Collection<readonly string[]> {
  const routesTo = deriveRouteBackends(graph, inputs)
  return graph.derive('waypoint-leads', inputs.workloads, ({ services }, look, uid) => {
    const called = [...services.keys()].flatMap((key) => [
      key,
      ...look.by(routesTo, key).map(({ service: root }) => root),
    ])
    const through = [
      look.one(bindings.workloads, uid),
      ...called.map((key) => look.one(bindings.services, key)),
    ]
    const named = through.flatMap((binding) => (binding === undefined ? [] : [waypointKey(binding)]))
    if (named.length === 0) return undefined
    const keys = new Set([...named, ...named.flatMap((key) => look.by(canaries, key).map(waypointKey))])
    return [...keys].toSorted(compareText)
  })
}

/** A name of a waypoint that is not there names no policy: one that nobody has would close the workload. */
function admissionKeys(key: string, waypoints: Collection<Waypoint>, look: Look): readonly string[] {
  const waypoint = look.one(waypoints, key)
  if (waypoint === undefined) return []
  return [policyKey({ namespace: waypoint.namespace, name: admissionName(waypoint.name) })]
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
