import type { GatewayObject } from '@tulle/api'
import { waypointClasses } from '@tulle/gateway-api'
import type { Waypoint } from '@tulle/mesh'
import { firstOf } from './use-waypoint.ts'

const servesLabels = ['tulle.dev/waypoint-for', 'istio.io/waypoint-for']
const canaryLabel = 'tulle.dev/canary-of'
const percentAnnotation = 'tulle.dev/canary-percent'
/** @see https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone; the last one is Istio's. */
const placeLabels = [
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.istio.io/subzone',
]
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
    ...canaryOf(gateway),
    ...localityOf(labels),
  }
}

/** Of a node's own labels, as far as they are said: where the Gateway's waypoint runs. */
function localityOf(labels: Readonly<Record<string, string>>): Pick<Waypoint, 'locality'> {
  const [region = '', zone = '', subzone = ''] = placeLabels.map((label) => firstOf(labels, [label]) ?? '')
  if (region === '' && zone === '' && subzone === '') return {}
  return { locality: { region, zone, subzone } }
}

/** A share that cannot be read is none, and the waypoint says so. */
function canaryOf({
  metadata: { namespace, name, labels, annotations },
}: GatewayObject): Pick<Waypoint, 'canary' | 'reasons'> {
  const of = firstOf(labels, [canaryLabel])
  if (of === undefined || of === name) return { reasons: [`Gateway ${namespace}/${name} asks for it`] }
  const said = firstOf(annotations, [percentAnnotation]) ?? '0'
  const isPercent = /^(?:\d{1,2}|100)$/u.test(said)
  const percent = isPercent ? Number(said) : 0
  const share = isPercent
    ? `${percent} % of the connections of ${of} come here`
    : `no connection of ${of} comes here: ${percentAnnotation} ${JSON.stringify(said)} is no whole number of 0–100`
  return { canary: { of, percent }, reasons: [`Gateway ${namespace}/${name} asks for it: ${share}`] }
}
