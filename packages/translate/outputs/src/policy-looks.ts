import type { TrafficTargetObject } from '@tulle/api'
import type { Workload } from '@tulle/mesh'
import { authorize, describeMismatch, policyKey } from '@tulle/policy'
import type { AuthorizationPolicy, ConnectionFacts, Mismatch } from '@tulle/policy'
import { accountKey, denyByDefault, strictMtls, targetPorts } from '@tulle/smi'
import type { ResolvedRule, TargetTranslation } from '@tulle/smi'
import { admissionName } from '@tulle/waypoints'
import { objectLabel } from '@tulle/workloads'
import type { PolicyLook, RuleLook } from './explanation.ts'
import type { MeshModel } from './mesh-model.ts'
import { placeOf, portsText } from './text.ts'

/** A policy together with the TrafficTarget that it was made of, if it was. */
export interface TracedPolicy {
  readonly policy: AuthorizationPolicy
  readonly traced?: TracedTarget
}

/** A TrafficTarget as it holds at one destination. */
export interface TracedTarget {
  readonly target: TrafficTargetObject
  readonly translation: TargetTranslation
  /** The ports that a rule of it covers there, for a person. */
  readonly covered: (rule: ResolvedRule) => string
  readonly opens: (rule: ResolvedRule, port: number) => boolean
  /** Whether some waypoint that is ready reads requests to that destination. */
  readonly waypointReads: boolean
}

export function tracePolicy(model: MeshModel, policy: AuthorizationPolicy, to: Workload): TracedPolicy {
  const key = policyKey(policy)
  for (const [objectKey, translation] of model.targets.entries()) {
    if (translation.policy === undefined || policyKey(translation.policy) !== key) continue
    const target = model.api.trafficTargets.get(objectKey)
    if (target === undefined) return { policy }
    const ownPorts = model.workloadPorts.get(to.uid) ?? []
    const waypointReads = to.waypoint !== undefined
    return { policy, traced: { target, translation, waypointReads, ...portReader(to, ownPorts) } }
  }
  return { policy }
}

export function lookAt(policy: TracedPolicy, facts: ConnectionFacts): PolicyLook {
  const rule = ruleThatHolds(policy.policy, facts)
  return {
    key: policyKey(policy.policy),
    object: objectOf(policy),
    ...(policy.traced === undefined ? {} : { origin: policy.traced.target.origin }),
    action: policy.policy.action,
    dryRun: policy.policy.dryRun,
    matched: rule !== undefined,
    why: rule === undefined ? whyNot(policy, facts) : lookAtRule(policy, rule, facts).text,
  }
}

/** A rule of a policy that held, traced back to the rule that a user wrote. */
export function lookAtRule({ policy, traced }: TracedPolicy, rule: number, facts: ConnectionFacts): RuleLook {
  const base = { policy: policyKey(policy), rule, object: objectOf({ policy, ...(traced && { traced }) }) }
  const index = traced?.translation.ruleIndexes[rule]
  const written = traced?.translation.rules.find((entry) => entry.index === index)
  if (traced === undefined || written === undefined) return { ...base, text: ownText(policy) }
  const path = `spec.rules[${written.index}]`
  const caller = facts.identity === undefined ? 'nobody' : accountKey(facts.identity)
  const text = `it lists ServiceAccount ${caller}, and TCPRoute ${written.name} covers ${traced.covered(written)}`
  return { ...base, path, origin: placeOf(traced.target, path), text }
}

/** The first rule that holds, as if the policy were the only one and enforced. */
export function ruleThatHolds(policy: AuthorizationPolicy, facts: ConnectionFacts): number | undefined {
  return authorize([{ ...policy, action: 'deny', dryRun: false }], facts).rule
}

/** What a policy was made of, as people know it. */
export function objectOf({ policy, traced }: TracedPolicy): string {
  if (traced !== undefined) return objectLabel(traced.target)
  if (policy.name === denyByDefault.name) return 'access mode enforce'
  if (policy.name === strictMtls.name) return 'mTLS mode strict'
  if (isAdmission(policy)) return `waypoint ${waypointOf(policy)}`
  return `policy ${policyKey(policy)}`
}

/** Why no rule of a policy holds. */
export function whyNot({ policy, traced }: TracedPolicy, facts: ConnectionFacts): string {
  if (traced !== undefined) return whyNotTarget(traced, facts)
  if (policy.rules.length === 0) return ownText(policy)
  if (isAdmission(policy)) return 'it lets that waypoint through, and nobody else'
  const [mismatch] = describeMismatch(policy, facts)
  return mismatch === undefined ? 'no rule of it holds' : mismatchText(mismatch)
}

/** The caller first: what is open to others says nothing about this one. */
function whyNotTarget(traced: TracedTarget, facts: ConnectionFacts): string {
  const { translation, covered, waypointReads } = traced
  const { rules } = translation
  const unlisted = whyNotListed(traced, facts)
  if (unlisted !== undefined) return unlisted
  if (rules.some(({ protocol }) => protocol === 'http')) {
    return waypointReads
      ? 'its HTTP rules need a waypoint, and this call goes through none'
      : 'its HTTP rules need a waypoint, and there is none'
  }
  const open = rules.filter(({ protocol, ports }) => protocol === 'tcp' && ports.length > 0)
  if (open.length === 0) return 'it opens no TCP port to anybody'
  return `it covers ${open.map(covered).join(', ')}, the call goes to ${facts.destinationPort}`
}

/** Undefined: the caller is one of its sources. */
export function whyNotListed(
  { translation: { sources } }: TracedTarget,
  facts: ConnectionFacts,
): string | undefined {
  if (facts.identity === undefined) return 'the caller shows no identity (plaintext)'
  const caller = accountKey(facts.identity)
  if (sources.some((source) => accountKey(source) === caller)) return undefined
  const listed = sources.map(accountKey).join(', ') || 'nobody'
  return `it lists ${listed}, and not the caller's ServiceAccount ${caller}`
}

function mismatchText({ field, expected, found }: Mismatch): string {
  if (field === 'notPrincipals') return `the caller has an identity, ${found}`
  return `it asks for ${field} ${expected}, found ${found}`
}

function ownText(policy: AuthorizationPolicy): string {
  if (policy.name === denyByDefault.name) return 'whatever no TrafficTarget allows is refused'
  if (policy.name === strictMtls.name) return 'callers without an identity are refused'
  return 'it has no rules'
}

function isAdmission({ name, scope }: AuthorizationPolicy): boolean {
  return scope === 'workload' && name.startsWith(admissionName(''))
}

function waypointOf({ namespace, name }: AuthorizationPolicy): string {
  return `${namespace}/${name.slice(admissionName('').length)}`
}

function portReader(to: Workload, ownPorts: readonly number[]): Pick<TracedTarget, 'covered' | 'opens'> {
  return {
    covered: ({ ports }) => {
      if (ports === 'all') return portsText(ports)
      const read = targetPorts(ports, to, ownPorts)
      return read.readings.length === 0
        ? portsText(ports)
        : `${portsText(ports)} (read as ${portsText(read.ports)})`
    },
    opens: ({ ports }, port) => ports === 'all' || targetPorts(ports, to, ownPorts).ports.includes(port),
  }
}
