import type { Collection, Graph } from '@tulle/collections'
import { compareText } from '@tulle/core'
import { waypointKey, waypointNode, waypointUid } from '@tulle/mesh'
import type { IpAddress, Waypoint, Workload } from '@tulle/mesh'
import type { MeshSettings } from '@tulle/workloads'
import { automaticName } from './bindings.ts'
import type { Binding, Bindings } from './bindings.ts'
import { gatewayWaypoint } from './gateway-waypoints.ts'
import type { WaypointInputs } from './inputs.ts'

/** The key under which a waypoint is given its address. */
export function waypointAllocationKey(key: string): string {
  return `tulle.dev/Waypoint/${key}`
}

/**
 * The waypoints of the mesh, keyed by `waypointKey`: those of Gateways, one for each namespace that needs one, and those that
 * serve although nothing needs them any more, until what runs through them is done.
 */
export function deriveWaypoints(
  graph: Graph,
  inputs: WaypointInputs,
  bindings: Bindings,
): Collection<Waypoint> {
  const asked = graph.deriveMany('gateway-waypoints', inputs.api.gateways, (gateway) => {
    const waypoint = gatewayWaypoint(gateway)
    return waypoint === undefined ? [] : [[waypointKey(waypoint), waypoint]]
  })
  const claims = graph.join<Omit<Waypoint, 'address'>>('waypoint-claims', [
    asked,
    deriveAutomatic(graph, bindings),
  ])
  const left = graph.derive('left-waypoints', inputs.ready, (_, look, key) =>
    look.one(claims, key) === undefined ? leftWaypoint(key) : undefined,
  )
  const all = graph.join<Omit<Waypoint, 'address'>>('all-waypoints', [claims, left])
  return graph.derive('waypoints', all, (waypoint, look, key) => {
    const address = look.one(inputs.allocations.collection, waypointAllocationKey(key))
    return {
      ...waypoint,
      ...(address === undefined ? {} : { address }),
      ...(look.one(inputs.ending, key) === undefined ? {} : { leaving: 'ending' as const }),
    }
  })
}

function leftWaypoint(key: string): Omit<Waypoint, 'address'> {
  const [namespace = '', name = ''] = key.split('/')
  return {
    namespace,
    name,
    serves: 'none',
    origin: name === automaticName ? 'automatic' : 'gateway',
    leaving: 'finishing',
    reasons: ['nothing needs it any more: it finishes what runs through it'],
  }
}

/** Of all that need the waypoint of their namespace, the first in key order brings it about, for all of them. */
function deriveAutomatic(graph: Graph, bindings: Bindings): Collection<Omit<Waypoint, 'address'>> {
  const needs: Collection<Binding> = graph.derive(
    'waypoint-needs',
    graph.join('bindings', [bindings.services, bindings.workloads]),
    (binding) => (binding.origin === 'automatic' ? binding : undefined),
  )
  const byNamespace = graph.index('needs-by-namespace', needs, ({ namespace }) => [namespace])
  return graph.deriveMany('automatic-waypoints', needs, (need, look) => {
    const { namespace } = need
    const all = look.by(byNamespace, namespace)
    if (all[0] !== need) return []
    const reasons = [...new Set(all.map(({ reason }) => reason))].toSorted(compareText)
    return [
      [
        waypointKey({ namespace, name: automaticName }),
        { namespace, name: automaticName, serves: 'all', origin: 'automatic', reasons },
      ],
    ]
  })
}

/** A waypoint as others reach it: by HBONE, as the account that is its own. It is on no node, but on one of its own. */
export function waypointWorkload(
  waypoint: Waypoint,
  address: IpAddress,
  { trustDomain }: Pick<MeshSettings, 'trustDomain'>,
): Workload {
  const { namespace, name } = waypoint
  return {
    uid: waypointUid(waypoint),
    name,
    namespace,
    serviceAccount: name,
    trustDomain,
    addresses: [address],
    network: '',
    tunnel: 'hbone',
    node: waypointNode(waypoint),
    services: new Map(),
    policies: [],
    health: 'healthy',
    capacity: 1,
    kubeCluster: 'Kubernetes',
    canonicalName: name,
    canonicalRevision: 'latest',
    workloadName: name,
    workloadType: 'deployment',
    hostname: '',
    nativeTunnel: false,
    hostNetwork: false,
    ...(waypoint.locality === undefined ? {} : { locality: waypoint.locality }),
  }
}
