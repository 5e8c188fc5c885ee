import type { TrafficTargetObject } from '@tulle/api'
import { authorize, describeMismatch, policyKey } from '@tulle/policy'
import type { AuthorizationPolicy, ConnectionFacts, Mismatch } from '@tulle/policy'
import { denyByDefault, strictMtls } from '@tulle/smi'
import type { TargetTranslation } from '@tulle/smi'
import { objectLabel } from '@tulle/workloads'
import type { PolicyLook, RuleLook } from './explanation.ts'
import type { MeshModel } from './mesh-model.ts'
import { placeOf, portsText } from './text.ts'

/** A policy together with the TrafficTarget that it was made of, if it was. */
export interface TracedPolicy {
  readonly policy: AuthorizationPolicy
  readonly target?: TrafficTargetObject
  readonly translation?: TargetTranslation
}

export function tracePolicy(model: MeshModel, policy: AuthorizationPolicy): TracedPolicy {
  const key = policyKey(policy)
  for (const [objectKey, translation] of model.targets.entries()) {
    if (translation.policy === undefined || policyKey(translation.policy) !== key) continue
    const target = model.api.trafficTargets.get(objectKey)
    return target === undefined ? { policy } : { policy, target, translation }
  }
  return { policy }
}

export function lookAt(traced: TracedPolicy, facts: ConnectionFacts): PolicyLook {
  const { policy, target } = traced
  const rule = ruleThatHolds(policy, facts)
  return {
    key: policyKey(policy),
    object: objectOf(traced),
    ...(target === undefined ? {} : { origin: target.origin }),
    action: policy.action,
    dryRun: policy.dryRun,
    matched: rule !== undefined,
    why: rule === undefined ? whyNot(traced, facts) : lookAtRule(traced, rule, facts).text,
  }
}

/** A rule of a policy that held, traced back to the rule that a user wrote. */
export function lookAtRule(traced: TracedPolicy, rule: number, facts: ConnectionFacts): RuleLook {
  const { policy, target, translation } = traced
  const base = { policy: policyKey(policy), rule, object: objectOf(traced) }
  const index = translation?.ruleIndexes[rule]
  const written = translation?.rules.find((entry) => entry.index === index)
  if (target === undefined || written === undefined) return { ...base, text: ownText(policy) }
  const path = `spec.rules[${written.index}]`
  const caller =
    facts.identity === undefined ? 'nobody' : `${facts.identity.namespace}/${facts.identity.serviceAccount}`
  const text = `it lists ServiceAccount ${caller}, and TCPRoute ${written.name} covers ${portsText(written.ports)}`
  return { ...base, path, origin: placeOf(target, path), text }
}

function ruleThatHolds(policy: AuthorizationPolicy, facts: ConnectionFacts): number | undefined {
  return authorize([{ ...policy, action: 'deny', dryRun: false }], facts).rule
}

function objectOf({ policy, target }: TracedPolicy): string {
  if (target !== undefined) return objectLabel(target)
  if (policy.name === denyByDefault.name) return 'access mode enforce'
  if (policy.name === strictMtls.name) return 'mTLS mode strict'
  return `policy ${policyKey(policy)}`
}

function whyNot({ policy, translation }: TracedPolicy, facts: ConnectionFacts): string {
  if (translation?.rules.some(({ protocol }) => protocol === 'http') === true) {
    return 'its HTTP rules need a waypoint, and there is none'
  }
  if (policy.rules.length === 0)
    return translation === undefined ? ownText(policy) : 'it opens no TCP port to anybody'
  const mismatches = describeMismatch(policy, facts)
  // The source stands first: a port that is covered for others says nothing about this caller.
  const telling = mismatches.find(({ field }) => field === 'principals') ?? mismatches[0]
  return telling === undefined ? 'no rule of it holds' : mismatchText(telling)
}

function mismatchText({ field, expected, found }: Mismatch): string {
  if (field === 'principals') return `it does not list the caller, ${found}; it lists ${expected}`
  if (field === 'destinationPorts') return `it covers ${expected}, the call goes to ${found}`
  if (field === 'notPrincipals') return `the caller has an identity, ${found}`
  return `it asks for ${field} ${expected}, found ${found}`
}

function ownText(policy: AuthorizationPolicy): string {
  if (policy.name === denyByDefault.name) return 'whatever no TrafficTarget allows is refused'
  if (policy.name === strictMtls.name) return 'callers without an identity are refused'
  return 'it has no rules'
}
