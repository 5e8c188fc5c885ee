import type { ApiCollections, Condition, GatewayObject, GatewayUdpRouteObject } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import { conditionSet, noWaypointNote } from '@tulle/workloads'

/** Classes of Gateways that are waypoints. Istio's means the same, so that its users change nothing. */
export const waypointClasses: ReadonlySet<string> = new Set(['tulle-waypoint', 'istio-waypoint'])

/** What is to be said of kinds that no route is made of; keyed by `objectKey`. */
export function deriveOtherConditions(graph: Graph, api: ApiCollections): Collection<readonly Condition[]> {
  return graph.join('gateway-api-conditions', [
    graph.derive('gateway-conditions', api.gateways, gatewayConditions),
    graph.derive('reference-grant-conditions', api.referenceGrants, ({ metadata: { generation } }) =>
      conditionSet({}, generation === undefined ? {} : { observedGeneration: generation }),
    ),
    graph.derive('gateway-udp-route-conditions', api.gatewayUdpRoutes, udpRouteConditions),
  ])
}

export function gatewayConditions({ spec, metadata }: GatewayObject): readonly Condition[] {
  const { generation } = metadata
  const subject = generation === undefined ? {} : { observedGeneration: generation }
  if (waypointClasses.has(spec.gatewayClassName))
    return conditionSet({ programmed: noWaypointNote('no traffic goes through it') }, subject)
  const message = `class ${spec.gatewayClassName} is another controller's; a waypoint of the mesh has the class tulle-waypoint`
  return conditionSet({ accepted: { status: 'Unknown', reason: 'NotOfTheMesh', message } }, subject)
}

/** @see design §6: what is not TCP travels outside of the mesh */
export function udpRouteConditions(route: GatewayUdpRouteObject): readonly Condition[] {
  const { generation } = route.metadata
  const accepted = {
    status: 'False',
    reason: 'UdpNotCarried',
    message:
      'the mesh carries TCP only: datagrams go to the endpoints of the Service as if there were no route',
  } as const
  const subject = generation === undefined ? {} : { observedGeneration: generation }
  return conditionSet({ accepted }, subject)
}
