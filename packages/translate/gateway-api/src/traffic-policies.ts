import type {
  ApiCollections,
  PolicyTargetSpec,
  ServiceObject,
  ServicePortSpec,
  TrafficPolicyObject,
} from '@tulle/api'
import { gatewayGroup, objectKey } from '@tulle/api'
import type { Collection, Graph, Index, Look } from '@tulle/collections'
import type { HttpRule, Resilience } from '@tulle/traffic'
import { ageOf, appProtocolOf, clusterServiceKey, compareAge } from '@tulle/workloads'
import { portsOf } from './parents.ts'
import type { RouteObject } from './routes.ts'
import { resilienceOfPolicy } from './traffic-policy-resilience.ts'

/** What is attached to a service, and to some of its ports. */
export interface ServiceResilience {
  readonly whole?: Resilience
  /** By port, with what is attached to the whole service in it. */
  readonly ports: ReadonlyMap<number, Resilience>
}

/** TrafficPolicies by the `objectKey` of what they are attached to. */
export type PoliciesByTarget = Index<TrafficPolicyObject>

export function indexTrafficPoliciesByTarget(
  graph: Graph,
  api: Pick<ApiCollections, 'trafficPolicies'>,
): PoliciesByTarget {
  return graph.index('traffic-policies-by-target', api.trafficPolicies, ({ metadata, spec }) => [
    ...new Set(spec.targetRefs.map((ref) => targetKey(ref, metadata.namespace))),
  ])
}

/** The `objectKey` of what is named. */
export function targetKey({ group, kind, name }: PolicyTargetSpec, namespace: string): string {
  return objectKey({ group, kind, metadata: { namespace, name } })
}

/** Of the policies that name one thing, or one part of it, the oldest holds. */
export function policyThatHolds(
  policies: readonly TrafficPolicyObject[],
  key: string,
  section: string | undefined,
): TrafficPolicyObject | undefined {
  return policies
    .filter(({ spec, metadata }) =>
      spec.targetRefs.some(
        (ref) => ref.sectionName === section && targetKey(ref, metadata.namespace) === key,
      ),
    )
    .toSorted((a, b) => compareAge(ageOf(a), ageOf(b)))[0]
}

/** What is attached to each service, keyed by `serviceKey`: TrafficPolicies say what others do not. */
export function deriveAttachedResilience(
  graph: Graph,
  api: Pick<ApiCollections, 'services'>,
  { others, policies }: { readonly others: Collection<Resilience>; readonly policies: PoliciesByTarget },
): Collection<ServiceResilience> {
  return graph.deriveMany('attached-resilience', api.services, (service, look) => {
    const { namespace, name } = service.metadata
    const key = clusterServiceKey(namespace, name)
    const found = attachedTo(service, look.by(policies, objectKey(service)), look.one(others, key))
    return found === undefined ? [] : [[key, found]]
  })
}

function attachedTo(
  service: ServiceObject,
  policies: readonly TrafficPolicyObject[],
  other: Resilience | undefined,
): ServiceResilience | undefined {
  const key = objectKey(service)
  const readable = portsOfRequests(service)
  const own = readable.length === 0 ? undefined : partOf(policies, key, undefined)
  const whole = own === undefined ? other : { ...other, ...own }
  const ports = new Map(
    readable.flatMap(({ port, name }) => {
      const part = name === undefined ? undefined : partOf(policies, key, name)
      return part === undefined ? [] : [[port, { ...whole, ...part }] as const]
    }),
  )
  if (whole === undefined && ports.size === 0) return undefined
  return { ports, ...(whole === undefined ? {} : { whole }) }
}

/** Those that may carry requests. */
export function portsOfRequests(service: ServiceObject): readonly ServicePortSpec[] {
  return portsOf(service).filter((port) => !['tcp', 'tls'].includes(appProtocolOf(port)))
}

/** What is attached to a rule of a route, and to the route: the rule's own goes before. */
export function attachedToRule(
  route: RouteObject,
  index: number,
  { look, policies }: { readonly look: Look; readonly policies: PoliciesByTarget },
): Pick<HttpRule, 'resilience'> {
  if (route.kind !== 'HTTPRoute' && route.kind !== 'GRPCRoute') return {}
  const key = objectKey(route)
  const found = look.by(policies, key)
  if (found.length === 0) return {}
  const name = route.spec.rules[index]?.name
  const own = name === undefined ? undefined : partOf(found, key, name)
  const ofRoute = partOf(found, key, undefined)
  return own === undefined && ofRoute === undefined ? {} : { resilience: { ...ofRoute, ...own } }
}

function partOf(
  policies: readonly TrafficPolicyObject[],
  key: string,
  section: string | undefined,
): Resilience | undefined {
  const policy = policyThatHolds(policies, key, section)
  return policy === undefined ? undefined : resilienceOfPolicy(policy.spec)
}

/** Whether a policy is attached to a route, rather than to a Service. */
export function isRouteRef({ group, kind }: PolicyTargetSpec): boolean {
  return group === gatewayGroup && (kind === 'HTTPRoute' || kind === 'GRPCRoute')
}
