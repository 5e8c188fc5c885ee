import { ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { spiffeId } from '@tulle/identity'
import { parseIpAddress, serviceKey, workloadIdentity } from '@tulle/mesh'
import type { IpAddress, Workload } from '@tulle/mesh'
import { authorizeWith, policiesFor, policyKey } from '@tulle/policy'
import type { ConnectionFacts, Verdict } from '@tulle/policy'
import { changesToAllow, changesToRefuse } from './changes.ts'
import type { Call } from './changes.ts'
import type { Explanation, ExplainQuery, Party } from './explanation.ts'
import { findCallee, findCaller } from './find-party.ts'
import type { Callee, Endpoint } from './find-party.ts'
import type { MeshModel } from './mesh-model.ts'
import { lookAt, lookAtRule, ruleThatHolds, tracePolicy } from './policy-looks.ts'
import type { TracedPolicy } from './policy-looks.ts'
import { summaryOf } from './summary.ts'

/** Whether one workload may call another, why, and what would change it; an error where a name leads nowhere. */
export function explainConnection(model: MeshModel, query: ExplainQuery): Result<Explanation> {
  const from = findCaller(model, query.from)
  if (!from.ok) return from
  const { namespace } = from.value
  const callee = findCallee(model, { name: query.to, port: query.port, namespace })
  if (!callee.ok) return callee
  return ok(explainCall(model, from.value, callee.value))
}

interface Decision {
  readonly endpoint: Endpoint
  readonly facts: ConnectionFacts
  readonly verdict: Verdict
  readonly policies: readonly TracedPolicy[]
}

function explainCall(model: MeshModel, from: Workload, callee: Callee): Explanation {
  const decisions = callee.endpoints.map((endpoint) => decide(model, from, endpoint))
  const decision = decisions.find(({ verdict }) => !verdict.allowed) ?? decisions[0]
  // findCallee never returns a callee without endpoints.
  if (decision === undefined) throw new TypeError('a callee without endpoints')
  const { endpoint, facts, verdict, policies } = decision
  const { service } = callee
  const decider = policies.find(({ policy }) => policyKey(policy) === verdict.policy)
  const identified = facts.identity !== undefined
  const call = { from, to: endpoint.workload, port: endpoint.port, identified }
  const explanation = {
    allowed: verdict.allowed,
    from: partyOf(from),
    to: partyOf(endpoint.workload),
    ...(service === undefined ? {} : { service: serviceKey(service) }),
    port: endpoint.port,
    encrypted: identified,
    enforced: endpoint.workload.tunnel === 'hbone',
    ...(facts.identity === undefined ? {} : { identitySeen: spiffeId(facts.identity) }),
    verdict,
    policies: policies.map((policy) => lookAt(policy, facts)),
    ...(decider === undefined || verdict.rule === undefined
      ? {}
      : { rule: lookAtRule(decider, verdict.rule, facts) }),
    changes: changesOf(model, call, decision),
    endpoints: decisions.map((each) => ({
      uid: each.endpoint.workload.uid,
      port: each.endpoint.port,
      allowed: each.verdict.allowed,
    })),
  }
  return { ...explanation, summary: summaryOf(explanation) }
}

function changesOf(model: MeshModel, call: Call, { verdict, policies, facts }: Decision): readonly string[] {
  if (!verdict.allowed || verdict.wouldRefuse !== undefined) return changesToAllow(call, policies)
  const admitted = policies.filter(({ policy }) => ruleThatHolds(policy, facts) !== undefined)
  return changesToRefuse(
    call,
    admitted.flatMap(({ traced }) => traced ?? []),
    model.settings.value,
  )
}

function decide(model: MeshModel, from: Workload, endpoint: Endpoint): Decision {
  const to = endpoint.workload
  // Without a node proxy on both sides a call is plain TCP; without one at the destination nobody decides.
  const tunnelled = from.tunnel === 'hbone' && to.tunnel === 'hbone'
  const facts: ConnectionFacts = {
    identity: tunnelled ? workloadIdentity(from) : undefined,
    sourceIp: addressOf(from),
    destinationIp: addressOf(to),
    destinationPort: endpoint.port,
  }
  if (to.tunnel === 'none')
    return { endpoint, facts, verdict: { allowed: true, reason: 'no-policy' }, policies: [] }
  const all = Array.from(model.policies.entries(), ([, policy]) => policy)
  const applicable = policiesFor(to, all)
  return {
    endpoint,
    facts,
    verdict: authorizeWith(applicable, facts),
    policies: applicable.known.map((policy) => tracePolicy(model, policy, to)),
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

function addressOf(workload: Workload): IpAddress {
  const [address] = workload.addresses
  if (address !== undefined) return address
  // A workload by host name has no address until it is resolved, and no policy of ours asks for one.
  if (!nowhere.ok) throw new TypeError(nowhere.error)
  return nowhere.value
}
