import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { AccessPolicy, AccessRule } from './access-policy.ts'
import { clausesHold, policyKey, principalOf } from '@tulle/policy'
import type { ConnectionFacts, Verdict } from '@tulle/policy'
import { compileRequestMatch } from './request-match.ts'
import type { RequestFacts, RequestTest } from './request-match.ts'

/** A request, or a stream that is no HTTP (`request` absent), as it is authorized in front of one destination. */
export interface AccessFacts extends ConnectionFacts {
  readonly request: RequestFacts | undefined
}

/** An access policy, ready to be asked. */
export interface CompiledAccess {
  readonly key: string
  readonly action: AccessPolicy['action']
  readonly dryRun: boolean
  readonly rules: readonly CompiledRule[]
}

interface CompiledRule {
  readonly connection: AccessRule['connection']
  readonly requests: readonly RequestTest[] | undefined
}

/** An error says which rule can't be understood; the policy then is unknown, which closes whoever names it. */
export function compileAccess(policy: AccessPolicy): Result<CompiledAccess> {
  const rules: CompiledRule[] = []
  for (const [index, { connection, requests }] of policy.rules.entries()) {
    const tests: RequestTest[] = []
    for (const match of requests ?? []) {
      const test = compileRequestMatch(match, policy.action)
      if (!test.ok) return err(`rule ${index}: ${test.error}`)
      tests.push(test.value)
    }
    rules.push({ connection, requests: requests === undefined ? undefined : tests })
  }
  return ok({ key: policyKey(policy), action: policy.action, dryRun: policy.dryRun, rules })
}

/** The access policies that a destination names: those that are there, and the keys of those that are not. */
export interface ApplicableAccess {
  readonly known: readonly CompiledAccess[]
  readonly unknown: readonly string[]
}

/**
 * The verdict on one request in front of one destination, by the rules of `authorize`. A rule that reads requests never
 * allows a stream that is no HTTP, nor a request that it can't judge within its steps; a deny rule holds for both.
 */
export function authorizeRequest(policies: ApplicableAccess, facts: AccessFacts): Verdict {
  const missing = policies.unknown[0]
  if (missing !== undefined) return { allowed: false, reason: 'unknown-policy', policy: missing }
  const enforced = decide(policies.known, facts, (policy) => !policy.dryRun)
  if (!enforced.allowed || !policies.known.some(({ dryRun }) => dryRun)) return enforced
  // What would be, were the dry-run policies enforced beside the others.
  const all = decide(policies.known, facts, () => true)
  if (all.allowed || all.policy === undefined) return enforced
  const { policy, rule } = all
  return { ...enforced, wouldRefuse: rule === undefined ? { policy } : { policy, rule } }
}

function decide(
  policies: readonly CompiledAccess[],
  facts: AccessFacts,
  counts: (policy: CompiledAccess) => boolean,
): Verdict {
  const principal = principalOf(facts)
  for (const policy of policies) {
    if (policy.action !== 'deny' || !counts(policy)) continue
    const rule = ruleThatHolds(policy, facts, principal)
    if (rule >= 0) return { allowed: false, reason: 'deny-rule', policy: policy.key, rule }
  }
  let unmatched: CompiledAccess | undefined
  for (const policy of policies) {
    if (policy.action !== 'allow' || !counts(policy)) continue
    const rule = ruleThatHolds(policy, facts, principal)
    if (rule >= 0) return { allowed: true, reason: 'allow-rule', policy: policy.key, rule }
    unmatched ??= policy
  }
  if (unmatched === undefined) return { allowed: true, reason: 'no-policy' }
  return { allowed: false, reason: 'no-allow-rule', policy: unmatched.key }
}

function ruleThatHolds(policy: CompiledAccess, facts: AccessFacts, principal: string | undefined): number {
  const inDoubt = policy.action === 'deny'
  return policy.rules.findIndex(
    ({ connection, requests }) =>
      clausesHold(connection.clauses, facts, principal) && coversRequest(requests, facts.request, inDoubt),
  )
}

function coversRequest(
  tests: readonly RequestTest[] | undefined,
  request: RequestFacts | undefined,
  inDoubt: boolean,
): boolean {
  if (tests === undefined) return true
  if (request === undefined) return inDoubt
  return tests.some((test) => test(request) ?? inDoubt)
}
