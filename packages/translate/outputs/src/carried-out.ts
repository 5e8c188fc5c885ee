import type { ApiCollections, Condition, PolicyTargetSpec } from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Collection, Graph, Index, Look } from '@tulle/collections'
import type { RouteTranslation } from '@tulle/gateway-api'
import type { Service, Workload } from '@tulle/mesh'
import { accountKey } from '@tulle/smi'
import type { SplitTranslation, TargetTranslation } from '@tulle/smi'
import { clusterServiceKey, noWaypoint } from '@tulle/workloads'
import { indexWaypointsByAddress, unknownPlace } from './unknown-place.ts'

export interface CarriedOutInputs {
  readonly api: Pick<ApiCollections, 'backendTlsPolicies' | 'backendTrafficPolicies' | 'trafficPolicies'>
  /** By `waypointKey`. */
  readonly ready: Collection<true>
  /** With the waypoints that callers go through. */
  readonly services: Collection<Service>
  readonly workloads: Collection<Workload>
  /** Each keyed by `objectKey`. */
  readonly targets: Collection<TargetTranslation>
  readonly routes: Collection<RouteTranslation>
  readonly splits: Collection<SplitTranslation>
  /** What is said of each object as if nobody read requests. */
  readonly said: Collection<readonly Condition[]>
}

/** The conditions of every object: that no waypoint carries it out is only said for as long as that is so. */
export function deriveCarriedOut(graph: Graph, inputs: CarriedOutInputs): Collection<readonly Condition[]> {
  const byAccount = graph.index('bound-workloads-by-account', inputs.workloads, (workload) => [
    accountKey(workload),
  ])
  const waypoints = indexWaypointsByAddress(graph, inputs.workloads)
  return graph.derive('conditions', inputs.said, (conditions, look, key) => {
    if (!conditions.some(isNoWaypoint)) return conditions
    const context = { look, inputs, byAccount }
    return conditions.flatMap((condition) => {
      if (!isNoWaypoint(condition) || !isCarriedOut(key, condition, context)) return [condition]
      const services = servicesOf(key, condition, context).flatMap(
        (service) => look.one(inputs.services, service) ?? [],
      )
      const policy = look.one(inputs.api.trafficPolicies, key)
      const lost = policy === undefined ? undefined : unknownPlace(policy, services, { look, waypoints })
      return lost === undefined ? [] : [{ ...condition, ...lost }]
    })
  })
}

function isNoWaypoint({ type, reason }: Condition): boolean {
  return type === 'Programmed' && reason === noWaypoint
}

interface Context {
  readonly look: Look
  readonly inputs: CarriedOutInputs
  readonly byAccount: Index<Workload>
}

function isCarriedOut(key: string, condition: Condition, { look, inputs, byAccount }: Context): boolean {
  const [, kind = '', namespace = '', name = ''] = key.split('/')
  if (kind === 'Gateway') return look.one(inputs.ready, `${namespace}/${name}`) !== undefined
  if (kind === 'TrafficTarget') {
    const destination = look.one(inputs.targets, key)?.destination
    if (destination === undefined) return false
    return look.by(byAccount, accountKey(destination)).some(({ waypoint }) => waypoint !== undefined)
  }
  return servicesOf(key, condition, { look, inputs }).some(
    (service) => look.one(inputs.services, service)?.waypoint !== undefined,
  )
}

/** The services that a condition of a route, a split or a policy is about. */
function servicesOf(
  key: string,
  { parent }: Condition,
  { look, inputs }: Pick<Context, 'look' | 'inputs'>,
): readonly string[] {
  const split = look.one(inputs.splits, key)
  if (split !== undefined) return split.service === undefined ? [] : [split.service]
  const { trafficPolicies, backendTrafficPolicies, backendTlsPolicies } = inputs.api
  const policy =
    look.one(trafficPolicies, key) ??
    look.one(backendTrafficPolicies, key) ??
    look.one(backendTlsPolicies, key)
  if (policy !== undefined) {
    const { metadata, spec } = policy
    const refs = spec.targetRefs.filter((_, i) => parent === undefined || i === parent.index)
    return refs.flatMap((ref) => servicesOfTarget(ref, metadata.namespace, { look, inputs }))
  }
  const parents = look.one(inputs.routes, key)?.parents ?? []
  const service = parents.find(({ index }) => index === parent?.index)?.attachment?.service
  return service === undefined ? [] : [service]
}

/** The Service that a policy is attached to, or those that its route is. */
function servicesOfTarget(
  ref: PolicyTargetSpec | undefined,
  namespace: string,
  { look, inputs }: Pick<Context, 'look' | 'inputs'>,
): readonly string[] {
  if (ref === undefined) return []
  const { group, kind, name } = ref
  if (kind === 'Service') return [clusterServiceKey(namespace, name)]
  const route = look.one(inputs.routes, objectKey({ group, kind, metadata: { namespace, name } }))
  return route?.parents.flatMap(({ attachment }) => attachment?.service ?? []) ?? []
}
