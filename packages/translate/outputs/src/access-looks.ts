import { authorizeRequest, compileAccess, compileRequestMatch } from '@tulle/access'
import type { AccessFacts, AccessPolicy, CompiledAccess } from '@tulle/access'
import type { Workload } from '@tulle/mesh'
import { clausesHold, policiesFor, policyKey, principalOf } from '@tulle/policy'
import type { Verdict } from '@tulle/policy'
import { lackOf } from '@tulle/routing'
import type { RoutedRequest } from '@tulle/routing'
import { accountKey } from '@tulle/smi'
import type { ResolvedRule } from '@tulle/smi'
import type { HttpMatch } from '@tulle/traffic'
import type { PolicyLook, RuleLook } from './explanation.ts'
import type { MeshModel } from './mesh-model.ts'
import { objectOf, tracePolicy, whyNot, whyNotListed } from './policy-looks.ts'
import type { TracedPolicy, TracedTarget } from './policy-looks.ts'
import { placeOf } from './text.ts'

/** What a waypoint asks of one destination, with a request or without. */
export interface ReadFacts extends AccessFacts {
  readonly request: RoutedRequest | undefined
}

/** A policy as a waypoint enforces it, and the TrafficTarget that it was made of, if it was. */
export interface TracedAccess extends TracedPolicy {
  readonly access: AccessPolicy
  readonly compiled: CompiledAccess
}

/** What a waypoint decides by in front of one destination. */
export interface AppliedAccess {
  readonly known: readonly TracedAccess[]
  readonly unknown: readonly string[]
}

export function accessOf(model: MeshModel, to: Workload): AppliedAccess {
  const all = Array.from(model.access.entries(), ([, policy]) => ({ ...policy, rules: [] }))
  const { known, unknown } = policiesFor(to, all)
  const missing = [...unknown]
  const traced = known.flatMap((head) => {
    const access = model.access.get(policyKey(head))
    const compiled = access === undefined ? undefined : compileAccess(access)
    if (access === undefined || compiled?.ok !== true) {
      missing.push(policyKey(head))
      return []
    }
    const policy = { ...head, rules: access.rules.map(({ connection }) => connection) }
    return [{ ...tracePolicy(model, policy, to), access, compiled: compiled.value }]
  })
  return { known: traced, unknown: missing }
}

/** By the code of the waypoint. */
export function decideRead({ known, unknown }: AppliedAccess, facts: ReadFacts): Verdict {
  return authorizeRequest({ known: known.map(({ compiled }) => compiled), unknown }, facts)
}

/** The first rule that holds, as if the policy were the only one and enforced. */
export function readRuleThatHolds({ compiled }: TracedAccess, facts: ReadFacts): number | undefined {
  const alone = { ...compiled, action: 'allow' as const, dryRun: false }
  return authorizeRequest({ known: [alone], unknown: [] }, facts).rule
}

export function lookAtAccess(model: MeshModel, policy: TracedAccess, facts: ReadFacts): PolicyLook {
  const rule = readRuleThatHolds(policy, facts)
  const { action, dryRun } = policy.access
  return {
    key: policyKey(policy.access),
    object: objectOf(policy),
    ...(policy.traced === undefined ? {} : { origin: policy.traced.target.origin }),
    action,
    dryRun,
    matched: rule !== undefined,
    why: rule === undefined ? whyNotRead(model, policy, facts) : lookAtReadRule(model, policy, facts).text,
  }
}

/** The rule of a policy that holds, traced back to the rule that a user wrote. */
export function lookAtReadRule(model: MeshModel, policy: TracedAccess, facts: ReadFacts): RuleLook {
  const rule = readRuleThatHolds(policy, facts) ?? 0
  const base = { policy: policyKey(policy.access), rule, object: objectOf(policy) }
  const { traced } = policy
  const index = traced?.translation.accessRuleIndexes[rule]
  const written = traced?.translation.rules.find((entry) => entry.index === index)
  if (traced === undefined || written === undefined)
    return { ...base, text: whyNot({ policy: policy.policy }, facts) }
  const path = `spec.rules[${written.index}]`
  const caller = facts.identity === undefined ? 'nobody' : accountKey(facts.identity)
  const text = `it lists ServiceAccount ${caller}, and ${coverText(model, { traced, written }, facts)}`
  return { ...base, path, origin: placeOf(traced.target, path), text }
}

/** Whether some HTTP rule of a target covers the request, whoever asks. */
export function coversRequest({ translation }: TracedTarget, request: RoutedRequest): boolean {
  return translation.rules.some(({ requests = [] }) => requests.some((match) => covers(match, request)))
}

interface WrittenRule {
  readonly traced: TracedTarget
  readonly written: ResolvedRule
}

function coverText(model: MeshModel, rule: WrittenRule, { request }: ReadFacts): string {
  const { traced, written } = rule
  if (written.protocol !== 'http' || request === undefined)
    return `TCPRoute ${written.name} covers ${traced.covered(written)}`
  const matches = written.requests ?? []
  const at = matches.findIndex((match) => covers(match, request))
  return `${matchName(model, rule, at)} covers ${request.method} ${request.path}`
}

function whyNotRead(model: MeshModel, policy: TracedAccess, facts: ReadFacts): string {
  const { traced } = policy
  if (traced === undefined) return whyNot({ policy: policy.policy }, facts)
  const unlisted = whyNotListed(traced, facts)
  if (unlisted !== undefined) return unlisted
  const http = traced.translation.rules.filter(({ protocol }) => protocol === 'http')
  if (http.length === 0) return whyNot(policy, facts)
  const principal = principalOf(facts)
  const open = policy.access.rules.some(({ connection }) => clausesHold(connection.clauses, facts, principal))
  if (!open) return `none of its rules covers port ${facts.destinationPort}`
  if (facts.request === undefined)
    return 'its HTTP rules decide by the request, and none is read (--method and --path say which one)'
  return nearestMatch(model, { traced, http }, facts.request)
}

function nearestMatch(
  model: MeshModel,
  { traced, http }: { readonly traced: TracedTarget; readonly http: readonly ResolvedRule[] },
  request: RoutedRequest,
): string {
  const misses = http.flatMap((written) =>
    (written.requests ?? []).map((match, at) => ({
      name: matchName(model, { traced, written }, at),
      ...lackOf(match, request, (part) => covers(part, request)),
    })),
  )
  const [nearest] = misses.toSorted((a, b) => a.distance - b.distance)
  if (nearest === undefined) return 'none of its HTTP rules covers anything'
  const more = misses.length === 1 ? '' : ` (the nearest of ${misses.length})`
  return `${nearest.name}${more}: ${nearest.why.join('; ')}`
}

/** `match api of HTTPRouteGroup books-routes`. */
function matchName(model: MeshModel, { traced, written }: WrittenRule, at: number): string {
  const { target } = traced
  const group = model.api.httpRouteGroups.get(
    `specs.smi-spec.io/HTTPRouteGroup/${target.metadata.namespace}/${written.name}`,
  )
  const names = group?.spec.matches.map(({ name }) => name) ?? []
  const wanted = target.spec.rules[written.index]?.matches ?? names
  const name = names.filter((one) => wanted.includes(one))[at]
  return `${name === undefined ? '' : `match ${name} of `}HTTPRouteGroup ${written.name}`
}

/** By the code that authorizes, as targets mean it: they allow. */
function covers(match: HttpMatch, request: RoutedRequest): boolean {
  const test = compileRequestMatch(match, 'allow')
  return test.ok && test.value(request) === true
}
