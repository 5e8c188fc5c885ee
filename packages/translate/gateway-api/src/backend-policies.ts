import type {
  ApiCollections,
  BackendTlsPolicyObject,
  BackendTrafficPolicyObject,
  Condition,
  PolicyTargetSpec,
  ServiceObject,
} from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Collection, Graph, Index, Look } from '@tulle/collections'
import type { Resilience } from '@tulle/traffic'
import {
  ageOf,
  clusterServiceKey,
  compareAge,
  conditionSet,
  noWaypointNote,
  objectLabel,
  serviceObjectKey,
} from '@tulle/workloads'
import type { Note, Notes } from '@tulle/workloads'
import { readTlsPolicy } from './backend-tls.ts'
import type { TlsReading } from './backend-tls.ts'
import { noteOf } from './problem-notes.ts'
import { sessionPersistence } from './sessions.ts'

type PolicyObject = BackendTlsPolicyObject | BackendTrafficPolicyObject
type Services = Pick<ApiCollections, 'services'>

/** By the `serviceObjectKey` of what they are attached to, which is in their own namespace. */
function indexByTarget<P extends PolicyObject>(
  graph: Graph,
  name: string,
  policies: Collection<P>,
): Index<P> {
  return graph.index(name, policies, ({ metadata, spec }) => [
    ...new Set(
      spec.targetRefs.filter(isService).map((ref) => serviceObjectKey(metadata.namespace, ref.name)),
    ),
  ])
}

export function indexTlsPolicies(graph: Graph, api: ApiCollections): Index<BackendTlsPolicyObject> {
  return indexByTarget(graph, 'backend-tls-policies-by-service', api.backendTlsPolicies)
}

export function indexTrafficPolicies(graph: Graph, api: ApiCollections): Index<BackendTrafficPolicyObject> {
  return indexByTarget(graph, 'backend-traffic-policies-by-service', api.backendTrafficPolicies)
}

function isService({ group, kind }: PolicyTargetSpec): boolean {
  return group === '' && kind === 'Service'
}

/** What the oldest policy of each service asks for, keyed by `serviceKey`. */
export function deriveServiceResilience(
  graph: Graph,
  api: Services,
  policies: Index<BackendTrafficPolicyObject>,
): Collection<Resilience> {
  return graph.deriveMany('service-resilience', api.services, ({ metadata }, look) => {
    const [oldest] = byAge(look.by(policies, serviceObjectKey(metadata.namespace, metadata.name)))
    if (oldest === undefined) return []
    return [[clusterServiceKey(metadata.namespace, metadata.name), resilienceOf(oldest)]]
  })
}

export function resilienceOf({ spec, metadata }: BackendTrafficPolicyObject): Resilience {
  const { retryConstraint: retry, sessionPersistence: session } = spec
  const owner = `XBackendTrafficPolicy/${metadata.namespace}/${metadata.name}`
  return {
    ...(retry === undefined
      ? {}
      : {
          retryBudget: {
            percent: retry.percent,
            windowMs: retry.intervalMs,
            minPerSecond: (retry.minRetries.count * 1000) / retry.minRetries.intervalMs,
          },
        }),
    ...(session === undefined ? {} : { session: sessionPersistence(session, owner) }),
  }
}

/** What is to be said of each policy, target by target; keyed by `objectKey`. */
export function derivePolicyConditions(
  graph: Graph,
  api: ApiCollections,
  indexes: {
    readonly tls: Index<BackendTlsPolicyObject>
    readonly traffic: Index<BackendTrafficPolicyObject>
  },
): Collection<readonly Condition[]> {
  const conditions = (policy: PolicyObject, look: Look, rivals: Index<PolicyObject>): readonly Condition[] =>
    policyConditions(policy, {
      serviceOf: (key) => look.one(api.services, key),
      rivalsAt: (key) => look.by(rivals, key),
      readTls: (tls) => readTlsPolicy(tls, look, api),
    })
  return graph.join('backend-policy-conditions', [
    graph.derive('backend-tls-policy-conditions', api.backendTlsPolicies, (policy, look) =>
      conditions(policy, look, indexes.tls),
    ),
    graph.derive('backend-traffic-policy-conditions', api.backendTrafficPolicies, (policy, look) =>
      conditions(policy, look, indexes.traffic),
    ),
  ])
}

interface Surroundings {
  readonly serviceOf: (key: string) => ServiceObject | undefined
  readonly rivalsAt: (key: string) => readonly PolicyObject[]
  readonly readTls: (policy: BackendTlsPolicyObject) => TlsReading
}

function policyConditions(policy: PolicyObject, around: Surroundings): readonly Condition[] {
  const { generation, namespace } = policy.metadata
  const { targetRefs } = policy.spec
  return targetRefs.flatMap((ref, index) => {
    const label = `${ref.kind} ${namespace}/${ref.name}${ref.sectionName === undefined ? '' : ` port ${ref.sectionName}`}`
    return conditionSet(targetNotes(policy, { ref, index, label }, around), {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      parent: { index, label },
    })
  })
}

interface Target {
  readonly ref: PolicyTargetSpec
  readonly index: number
  readonly label: string
}

function targetNotes(policy: PolicyObject, { ref, index, label }: Target, around: Surroundings): Notes {
  const path = `spec.targetRefs[${index}]`
  const position = policy.positions.get(path)
  const refuse = (reason: string, message: string): Note => ({ status: 'False', reason, message, position })
  if (!isService(ref))
    return { accepted: refuse('TargetNotFound', `${label}: the policy is for a Service of the core group`) }
  const key = serviceObjectKey(policy.metadata.namespace, ref.name)
  const service = around.serviceOf(key)
  if (service === undefined) return { accepted: refuse('TargetNotFound', `there is no ${label}`) }
  if (ref.sectionName !== undefined && !service.spec.ports.some(({ name }) => name === ref.sectionName))
    return { accepted: refuse('TargetNotFound', `Service ${ref.name} has no port named ${ref.sectionName}`) }
  const [winner] = byAge(around.rivalsAt(key).filter((rival) => meansSame(rival, ref)))
  if (winner !== undefined && objectKey(winner) !== objectKey(policy)) {
    const note = refuse('Conflicted', `${objectLabel(winner)} came first and holds for ${label}`)
    return { accepted: note, conflicted: { ...note, status: 'True' } }
  }
  if (policy.kind === 'BackendTLSPolicy') return tlsNotes(around.readTls(policy))
  return { programmed: noWaypointNote('requests are neither repeated nor kept together') }
}

function meansSame({ spec }: PolicyObject, ref: PolicyTargetSpec): boolean {
  return spec.targetRefs.some(
    (one) => isService(one) && one.name === ref.name && one.sectionName === ref.sectionName,
  )
}

/** What can't be met is answered with 500 by whoever would send there. */
function tlsNotes({ terms, refs, refused }: TlsReading): Notes {
  const accepted = refused === undefined ? undefined : noteOf([refused])
  const resolvedRefs = noteOf(refs)
  return {
    ...(accepted === undefined ? {} : { accepted }),
    ...(resolvedRefs === undefined ? {} : { resolvedRefs }),
    ...(terms === undefined ? {} : { programmed: noWaypointNote('nobody begins TLS') }),
  }
}

function byAge<P extends PolicyObject>(policies: readonly P[]): readonly P[] {
  return policies.toSorted((a, b) => compareAge(ageOf(a), ageOf(b)))
}
