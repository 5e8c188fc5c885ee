import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { spiffeId } from '@tulle/identity'
import { parseIpAddress, serviceKey, workloadIdentity } from '@tulle/mesh'
import type { IpAddress, Workload } from '@tulle/mesh'
import { authorizeWith, policiesFor, policyKey } from '@tulle/policy'
import type { ConnectionFacts, Verdict } from '@tulle/policy'
import type { RoutedRequest } from '@tulle/routing'
import { tlsLookup } from '@tulle/traffic'
import type { TlsLookup, TlsTerms } from '@tulle/traffic'
import { accessOf, decideRead, lookAtAccess, lookAtReadRule, readRuleThatHolds } from './access-looks.ts'
import { changesToAllow, changesToRefuse } from './changes.ts'
import type { Call } from './changes.ts'
import { readAsked } from './asked-request.ts'
import type {
  Explanation,
  ExplainQuery,
  Party,
  PolicyLook,
  RequestLook,
  RuleLook,
  WaypointLook,
} from './explanation.ts'
import { endpointsBehind, findCallee, findCaller } from './find-party.ts'
import type { Callee, Endpoint } from './find-party.ts'
import type { MeshModel } from './mesh-model.ts'
import { lookAt, lookAtRule, ruleThatHolds, tracePolicy } from './policy-looks.ts'
import type { TracedPolicy } from './policy-looks.ts'
import { routeRequest, whyUnread } from './route-look.ts'
import type { Routed } from './route-look.ts'
import { summaryOf } from './summary.ts'
import { backendText, filterText, percent, tlsText } from './traffic-text.ts'
import { calledService, lookForWaypoint } from './waypoint-look.ts'

/**
 * Whether one workload may call another, or ask something of it, why, and what would change it; an error where a name leads
 * nowhere, or where what is asked is no request.
 */
export function explainConnection(model: MeshModel, query: ExplainQuery): Result<Explanation> {
  const from = findCaller(model, query.from)
  if (!from.ok) return from
  const { namespace } = from.value
  const callee = findCallee(model, { name: query.to, port: query.port, namespace })
  if (!callee.ok) return callee
  const call = { model, from: from.value, callee: callee.value }
  if (query.request === undefined) return ok(explainCall(call, undefined))
  const unread = whyUnread(model, callee.value)
  if (unread !== undefined) return err(unread)
  const host = calledService(callee.value)?.hostname ?? addressOf(callee.value.endpoints[0]?.workload)
  const request = readAsked(query.request, host)
  return request.ok ? ok(explainCall(call, request.value)) : request
}

interface Asked {
  readonly model: MeshModel
  readonly from: Workload
  readonly callee: Callee
}

/** What is decided in front of one endpoint, and the means to say why. */
interface Decision {
  readonly endpoint: Endpoint
  readonly facts: ConnectionFacts
  readonly verdict: Verdict
  readonly policies: readonly TracedPolicy[]
  readonly looks: readonly PolicyLook[]
  readonly rule?: RuleLook
  /** Targets that admit it. */
  readonly admitting: readonly TracedPolicy[]
}

function explainCall(asked: Asked, request: RoutedRequest | undefined): Explanation {
  const considered = consider(asked, request)
  const { waypoint, look, isRead, decisions, decision } = considered
  const { endpoint, verdict, rule } = decision
  const answered = isRead && (look?.answer?.status ?? 0) >= 400
  const call = callOf(asked.from, decision, isRead ? { read: { request } } : {})
  const explanation = {
    allowed: verdict.allowed && !answered,
    ...sides(asked, endpoint),
    ...seen(decision),
    ...(waypoint === undefined ? {} : { waypoint }),
    ...(look === undefined ? {} : { request: look }),
    verdict,
    policies: decision.looks,
    ...(rule === undefined ? {} : { rule }),
    changes: answered && verdict.allowed ? [] : changesOf(asked.model, call, decision),
    endpoints: decisions.map((each) => ({
      uid: each.endpoint.workload.uid,
      port: each.endpoint.port,
      allowed: each.verdict.allowed,
    })),
  }
  return { ...explanation, summary: summaryOf(explanation) }
}

interface Considered {
  readonly waypoint: WaypointLook | undefined
  readonly look: RequestLook | undefined
  /** Whether a waypoint decides. */
  readonly isRead: boolean
  readonly decisions: readonly Decision[]
  /** The one that is explained. */
  readonly decision: Decision
}

function consider(asked: Asked, request: RoutedRequest | undefined): Considered {
  const { model, from, callee } = asked
  const waypoint = lookForWaypoint(model, from, callee)
  const routed = request === undefined ? undefined : routeRequest(model, from, callee, request)
  const shares = routed === undefined ? [] : decideShares(asked, routed, request)
  const isRead = waypoint?.used === true
  const decisions = isRead
    ? decisionsOf(asked, shares, request)
    : callee.endpoints.map((endpoint) => decide(asked, endpoint))
  // findCallee never returns a callee without endpoints.
  const decision = decisions.find(({ verdict }) => !verdict.allowed) ?? decisions[0]
  if (decision === undefined) throw new TypeError('a callee without endpoints')
  const look = routed === undefined ? undefined : requestLook(routed, shares)
  return { waypoint, look, isRead, decisions, decision }
}

function callOf(from: Workload, { endpoint, facts }: Decision, read: Pick<Call, 'read'>): Call {
  const { workload: to, port } = endpoint
  return { from, to, port, identified: facts.identity !== undefined, ...read }
}

function seen({
  endpoint,
  facts: { identity },
}: Decision): Pick<Explanation, 'encrypted' | 'enforced' | 'identitySeen'> {
  return {
    encrypted: identity !== undefined,
    enforced: endpoint.workload.tunnel === 'hbone',
    ...(identity === undefined ? {} : { identitySeen: spiffeId(identity) }),
  }
}

function sides(
  { from, callee: { service } }: Asked,
  { workload, port }: Endpoint,
): Pick<Explanation, 'from' | 'to' | 'service' | 'port'> {
  return {
    from: partyOf(from),
    to: partyOf(workload),
    ...(service === undefined ? {} : { service: serviceKey(service) }),
    port,
  }
}

/** A backend, and what is decided in front of each of its endpoints. */
interface Share {
  readonly backend: Routed['backends'][number]
  readonly tls: TlsTerms | undefined
  readonly decisions: readonly Decision[]
}

function decideShares(
  asked: Asked,
  { backends }: Routed,
  request: RoutedRequest | undefined,
): readonly Share[] {
  const tlsOf = tlsLookupOf(asked)
  return backends.map((weighted) => {
    const { backend, tls } = tlsOf(weighted.backend)
    const endpoints =
      backend.kind === 'invalid' ? [] : endpointsBehind(asked.model, backend.service, backend.port)
    return {
      backend: { ...weighted, backend },
      tls,
      decisions: endpoints.map((endpoint) => decideAtWaypoint(asked, endpoint, request)),
    }
  })
}

/**
 * Of each backend those that refuse, where all do, else those that allow: a waypoint leaves out the others. Without any backend
 * the waypoint asks those that were called.
 */
function decisionsOf(
  asked: Asked,
  shares: readonly Share[],
  request: RoutedRequest | undefined,
): readonly Decision[] {
  const open = (decisions: readonly Decision[]): readonly Decision[] => {
    const allowing = decisions.filter(({ verdict }) => verdict.allowed)
    return allowing.length === 0 ? decisions : allowing
  }
  const found = shares.flatMap(({ decisions }) => open(decisions))
  if (found.length > 0) return found
  return open(asked.callee.endpoints.map((endpoint) => decideAtWaypoint(asked, endpoint, request)))
}

function requestLook(routed: Routed, shares: readonly Share[]): RequestLook {
  const whole = shares.reduce((sum, { backend }) => sum + backend.weight, 0)
  const backends = shares.map(({ backend: { backend, weight, filters }, tls, decisions }) => {
    const answer =
      backend.kind === 'invalid'
        ? { status: backend.status, why: backend.reason }
        : decisions.length === 0
          ? { status: 503, why: 'no workload serves it' }
          : undefined
    return {
      target: backendText(backend),
      sharePercent: percent(weight, whole),
      filters: filters.map(filterText),
      ...(tls === undefined ? {} : { tls: tlsText(tls) }),
      allowed: decisions.some(({ verdict }) => verdict.allowed),
      ...(answer === undefined ? {} : { answer }),
    }
  })
  const [first] = backends
  const answer =
    routed.answer ?? (backends.every((one) => one.answer !== undefined) ? first?.answer : undefined)
  return { ...routed.look, backends, ...(answer === undefined ? {} : { answer }) }
}

/** As the waypoint is told it: with what the called service's routes lead to. */
function tlsLookupOf({ model, callee }: Asked): TlsLookup {
  const service = calledService(callee)
  return tlsLookup((service === undefined ? undefined : model.traffic.get(serviceKey(service))) ?? {})
}

function changesOf(
  model: MeshModel,
  call: Call,
  { verdict, policies, admitting }: Decision,
): readonly string[] {
  if (!verdict.allowed || verdict.wouldRefuse !== undefined) return changesToAllow(call, policies)
  return changesToRefuse(
    call,
    admitting.flatMap(({ traced }) => traced ?? []),
    model.settings.value,
  )
}

/** What the destination's node proxy decides. */
function decide({ model, from }: Asked, endpoint: Endpoint): Decision {
  const to = endpoint.workload
  const facts = factsOf(from, endpoint)
  if (to.tunnel === 'none') {
    const verdict = { allowed: true, reason: 'no-policy' } as const
    return { endpoint, facts, verdict, policies: [], looks: [], admitting: [] }
  }
  const all = Array.from(model.policies.entries(), ([, policy]) => policy)
  const applicable = policiesFor(to, all)
  const verdict = authorizeWith(applicable, facts)
  const policies = applicable.known.map((policy) => tracePolicy(model, policy, to))
  const decider = policies.find(({ policy }) => policyKey(policy) === verdict.policy)
  const rule =
    decider === undefined || verdict.rule === undefined ? undefined : lookAtRule(decider, verdict.rule, facts)
  return {
    endpoint,
    facts,
    verdict,
    policies,
    looks: policies.map((policy) => lookAt(policy, facts)),
    admitting: policies.filter(({ policy }) => ruleThatHolds(policy, facts) !== undefined),
    ...(rule === undefined ? {} : { rule }),
  }
}

/** What a waypoint decides in front of a destination; without a request, of a stream that is no HTTP. */
function decideAtWaypoint(
  { model, from }: Asked,
  endpoint: Endpoint,
  request: RoutedRequest | undefined,
): Decision {
  const facts = { ...factsOf(from, endpoint), request }
  const applied = accessOf(model, endpoint.workload)
  const verdict = decideRead(applied, facts)
  const decider = applied.known.find(({ policy }) => policyKey(policy) === verdict.policy)
  return {
    endpoint,
    facts,
    verdict,
    policies: applied.known,
    looks: applied.known.map((policy) => lookAtAccess(model, policy, facts)),
    admitting: applied.known.filter((policy) => readRuleThatHolds(policy, facts) !== undefined),
    ...(decider === undefined || verdict.rule === undefined
      ? {}
      : { rule: lookAtReadRule(model, decider, facts) }),
  }
}

/** Without a node proxy on both sides a call is plain TCP. */
function factsOf(from: Workload, { workload: to, port }: Endpoint): ConnectionFacts {
  const tunnelled = from.tunnel === 'hbone' && to.tunnel === 'hbone'
  return {
    identity: tunnelled ? workloadIdentity(from) : undefined,
    sourceIp: addressOf(from),
    destinationIp: addressOf(to),
    destinationPort: port,
  }
}

function partyOf(workload: Workload): Party {
  const { uid, namespace, name, serviceAccount, node } = workload
  return {
    uid,
    namespace,
    name,
    serviceAccount,
    identity: spiffeId(workloadIdentity(workload)),
    node,
    address: addressOf(workload),
    enrolled: workload.tunnel === 'hbone',
  }
}

const nowhere = parseIpAddress('0.0.0.0')

function addressOf(workload: Workload | undefined): IpAddress {
  const address = workload?.addresses[0]
  if (address !== undefined) return address
  // A workload by host name has no address until it is resolved, and no policy of ours asks for one.
  if (!nowhere.ok) throw new TypeError(nowhere.error)
  return nowhere.value
}
