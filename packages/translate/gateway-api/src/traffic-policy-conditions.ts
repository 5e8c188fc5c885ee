import type {
  ApiCollections,
  Condition,
  PolicyTargetSpec,
  ServicePortSpec,
  TrafficPolicyObject,
} from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Collection, Graph, Look } from '@tulle/collections'
import { conditionSet, noWaypointNote, objectLabel } from '@tulle/workloads'
import type { Note, Notes } from '@tulle/workloads'
import { portsOf } from './parents.ts'
import { isRouteRef, policyThatHolds, portsOfRequests, targetKey } from './traffic-policies.ts'
import type { PoliciesByTarget } from './traffic-policies.ts'

type Targets = Pick<ApiCollections, 'services' | 'httpRoutes' | 'grpcRoutes' | 'trafficPolicies'>

/** What is to be said of each TrafficPolicy, target by target; keyed by `objectKey`. */
export function deriveTrafficPolicyConditions(
  graph: Graph,
  api: Targets,
  policies: PoliciesByTarget,
): Collection<readonly Condition[]> {
  return graph.derive('traffic-policy-conditions', api.trafficPolicies, (policy, look) => {
    const { generation } = policy.metadata
    return policy.spec.targetRefs.flatMap((ref, index) => {
      const label = labelOf(ref, policy)
      return conditionSet(targetNotes({ policy, ref, index, label }, { api, look, policies }), {
        ...(generation === undefined ? {} : { observedGeneration: generation }),
        parent: { index, label },
      })
    })
  })
}

interface Target {
  readonly policy: TrafficPolicyObject
  readonly ref: PolicyTargetSpec
  readonly index: number
  /** `Service bookstore/books port http`. */
  readonly label: string
}

interface Surroundings {
  readonly api: Targets
  readonly look: Look
  readonly policies: PoliciesByTarget
}

function labelOf(ref: PolicyTargetSpec, { metadata: { namespace } }: TrafficPolicyObject): string {
  const { kind, name, sectionName } = ref
  const part = isRouteRef(ref) ? 'rule' : 'port'
  return `${kind} ${namespace}/${name}${sectionName === undefined ? '' : ` ${part} ${sectionName}`}`
}

function targetNotes(target: Target, around: Surroundings): Notes {
  const { policy, ref, index, label } = target
  const position = policy.positions.get(`spec.targetRefs[${index}]`)
  const fault = faultOf(target, around)
  if (fault !== undefined) return { accepted: { status: 'False', position, ...fault } }
  const key = targetKey(ref, policy.metadata.namespace)
  const winner = policyThatHolds(around.look.by(around.policies, key), key, ref.sectionName)
  if (winner !== undefined && objectKey(winner) !== objectKey(policy)) {
    const message = `${objectLabel(winner)} came first and holds for ${label}`
    const note: Note = { status: 'False', reason: 'Conflicted', message, position }
    return { accepted: note, conflicted: { ...note, status: 'True' } }
  }
  return { programmed: noWaypointNote('requests pass as if there were no policy') }
}

/** Why a policy can't be attached there. */
function faultOf({ policy, ref, label }: Target, { api, look }: Surroundings): Note | undefined {
  const key = targetKey(ref, policy.metadata.namespace)
  const { sectionName } = ref
  if (isRouteRef(ref)) {
    const route = look.one(api.httpRoutes, key) ?? look.one(api.grpcRoutes, key)
    if (route === undefined) return { reason: 'TargetNotFound', message: `there is no ${label}` }
    if (sectionName === undefined || route.spec.rules.some(({ name }) => name === sectionName))
      return undefined
    return { reason: 'TargetNotFound', message: `${ref.kind} ${ref.name} has no rule named ${sectionName}` }
  }
  const service = look.one(api.services, key)
  if (service === undefined) return { reason: 'TargetNotFound', message: `there is no ${label}` }
  const isMeant = ({ name }: ServicePortSpec): boolean => sectionName === undefined || name === sectionName
  if (!portsOf(service).some(isMeant)) {
    const part = sectionName === undefined ? 'no TCP port' : `no TCP port named ${sectionName}`
    return { reason: 'TargetNotFound', message: `Service ${ref.name} has ${part}` }
  }
  if (portsOfRequests(service).some(isMeant)) return undefined
  const message = `${label} carries no HTTP: the policy is about requests, and nobody reads any there`
  return { reason: 'UnsupportedProtocol', message }
}
