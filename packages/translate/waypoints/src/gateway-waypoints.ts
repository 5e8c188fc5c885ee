import type { GatewayObject } from '@tulle/api'
import { waypointClasses } from '@tulle/gateway-api'
import type { Waypoint } from '@tulle/mesh'
import { firstOf } from './use-waypoint.ts'

const servesLabels = ['tulle.dev/waypoint-for', 'istio.io/waypoint-for']
const kinds = ['service', 'workload', 'all', 'none'] as const

/** The waypoint that a Gateway asks for; undefined where it is of another class. */
export function gatewayWaypoint(gateway: GatewayObject): Omit<Waypoint, 'address'> | undefined {
  const { namespace, name, labels } = gateway.metadata
  if (!waypointClasses.has(gateway.spec.gatewayClassName)) return undefined
  const wanted = firstOf(labels, servesLabels)
  return {
    namespace,
    name,
    serves: kinds.find((kind) => kind === wanted) ?? 'service',
    origin: 'gateway',
    reasons: [`Gateway ${namespace}/${name} asks for it`],
  }
}
