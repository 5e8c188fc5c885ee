import { policyKey } from './authorization-policy.ts'
import type { AuthorizationPolicy, ConnectionFacts, Verdict } from './authorization-policy.ts'
import { matchingRule, principalOf } from './match.ts'
import type { ApplicablePolicies } from './policy-table.ts'

/**
 * The verdict on one connection, once a connection and again when policies change: a deny rule that holds refuses;
 * without any allow policy everything passes; else an allow rule must hold. Dry-run policies only add `wouldRefuse`.
 */
export function authorize(policies: readonly AuthorizationPolicy[], facts: ConnectionFacts): Verdict {
  const principal = principalOf(facts)
  const verdict = enforcedVerdict(policies, facts, principal)
  if (!verdict.allowed || !hasDryRun(policies)) return verdict
  const wouldRefuse = dryRunRefusal(policies, facts, { principal, allowed: verdict })
  return wouldRefuse === undefined ? verdict : { ...verdict, wouldRefuse }
}

/** As `authorize`, but refuses while a policy that holds for the workload is not known: closed by default. */
export function authorizeWith(policies: ApplicablePolicies, facts: ConnectionFacts): Verdict {
  const missing = policies.unknown[0]
  if (missing !== undefined) return { allowed: false, reason: 'unknown-policy', policy: missing }
  return authorize(policies.known, facts)
}

function enforcedVerdict(
  policies: readonly AuthorizationPolicy[],
  facts: ConnectionFacts,
  principal: string | undefined,
): Verdict {
  for (const policy of policies) {
    if (policy.action !== 'deny' || policy.dryRun) continue
    const rule = matchingRule(policy, facts, principal)
    if (rule >= 0) return { allowed: false, reason: 'deny-rule', policy: policyKey(policy), rule }
  }
  let unmatched: AuthorizationPolicy | undefined
  for (const policy of policies) {
    if (policy.action !== 'allow' || policy.dryRun) continue
    const rule = matchingRule(policy, facts, principal)
    if (rule >= 0) return { allowed: true, reason: 'allow-rule', policy: policyKey(policy), rule }
    unmatched ??= policy
  }
  if (unmatched === undefined) return { allowed: true, reason: 'no-policy' }
  return { allowed: false, reason: 'no-allow-rule', policy: policyKey(unmatched) }
}

function hasDryRun(policies: readonly AuthorizationPolicy[]): boolean {
  for (const policy of policies) if (policy.dryRun) return true
  return false
}

interface Passed {
  readonly principal: string | undefined
  readonly allowed: Verdict
}

/** What would refuse a connection that passes now, were the dry-run policies enforced beside the others. */
function dryRunRefusal(
  policies: readonly AuthorizationPolicy[],
  facts: ConnectionFacts,
  passed: Passed,
): Verdict['wouldRefuse'] {
  let unmatched: AuthorizationPolicy | undefined
  let matched = passed.allowed.reason === 'allow-rule'
  for (const policy of policies) {
    if (!policy.dryRun) continue
    const rule = matchingRule(policy, facts, passed.principal)
    if (policy.action === 'deny') {
      if (rule >= 0) return { policy: policyKey(policy), rule }
    } else if (rule >= 0) matched = true
    else unmatched ??= policy
  }
  return matched || unmatched === undefined ? undefined : { policy: policyKey(unmatched) }
}
