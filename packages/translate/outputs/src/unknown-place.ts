import type { Condition, TrafficPolicyObject } from '@tulle/api'
import type { Collection, Graph, Index, Look } from '@tulle/collections'
import { waypointUid } from '@tulle/mesh'
import type { Service, Workload } from '@tulle/mesh'

/** The workloads that waypoints are, by address. */
export function indexWaypointsByAddress(graph: Graph, workloads: Collection<Workload>): Index<Workload> {
  return graph.index('waypoints-by-address', workloads, (workload) =>
    workload.uid === waypointUid(workload) ? workload.addresses : [],
  )
}

/**
 * What is to be said of a policy that asks for near endpoints while a waypoint that carries it out does not know where it is
 * itself; undefined where all is well.
 */
export function unknownPlace(
  { spec: { locality } }: TrafficPolicyObject,
  services: readonly Service[],
  { look, waypoints }: { readonly look: Look; readonly waypoints: Index<Workload> },
): Pick<Condition, 'reason' | 'message'> | undefined {
  // From anywhere to anywhere is no question of where one is.
  if (locality === undefined || (locality.prefer === 'Anywhere' && locality.failover === 'Anywhere'))
    return undefined
  const lost = services
    .flatMap(({ waypoint, weightedWaypoints }) => [
      ...(waypoint === undefined ? [] : [waypoint]),
      ...weightedWaypoints.map(({ destination }) => destination),
    ])
    .flatMap(({ destination }) =>
      destination.kind === 'address' ? look.by(waypoints, destination.address) : [],
    )
    .find((workload) => workload.locality === undefined)
  if (lost === undefined) return undefined
  const where = 'topology.kubernetes.io/region and topology.kubernetes.io/zone'
  const message = `waypoint ${lost.namespace}/${lost.name} does not know where it is, so that all endpoints are alike to it: say so in the labels ${where} of its Gateway`
  return { reason: 'UnknownLocality', message }
}
