import type { Condition, GatewayObject } from '@tulle/api'
import type { Waypoint } from '@tulle/mesh'
import { conditionSet } from '@tulle/workloads'
import { firstOf } from './use-waypoint.ts'

/** Gateways of these classes are waypoints; the second is Istio's, so that whoever comes from there changes nothing. */
const waypointClasses = ['tulle-waypoint', 'istio-waypoint']
const servesLabels = ['tulle.dev/waypoint-for', 'istio.io/waypoint-for']
const kinds = ['service', 'workload', 'all', 'none'] as const

/** The waypoint that a Gateway asks for; undefined where it is of another class. */
export function gatewayWaypoint(gateway: GatewayObject): Omit<Waypoint, 'address'> | undefined {
  const { namespace, name, labels } = gateway.metadata
  if (!waypointClasses.includes(gateway.spec.gatewayClassName)) return undefined
  const wanted = firstOf(labels, servesLabels)
  return {
    namespace,
    name,
    serves: kinds.find((kind) => kind === wanted) ?? 'service',
    origin: 'gateway',
    reasons: [`Gateway ${namespace}/${name} asks for it`],
  }
}

export function gatewayConditions(gateway: GatewayObject): readonly Condition[] {
  const { gatewayClassName } = gateway.spec
  if (!waypointClasses.includes(gatewayClassName)) {
    const message = `its class ${gatewayClassName} is somebody else's; waypoints are of class ${waypointClasses[0] ?? ''}`
    const position = gateway.positions.get('spec.gatewayClassName')
    return conditionSet({ accepted: { status: 'False', reason: 'OtherClass', message, position } })
  }
  const wanted = firstOf(gateway.metadata.labels, servesLabels)
  if (wanted === undefined || kinds.some((kind) => kind === wanted)) return conditionSet()
  const message = `waypoint-for: expected one of ${kinds.join(', ')}, found ${wanted}; read as service`
  return conditionSet({ accepted: { reason: 'UnknownWaypointFor', message } })
}
