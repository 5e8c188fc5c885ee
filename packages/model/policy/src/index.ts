/** Who may call whom: rules, and the verdict that they give on a connection. */
export { emptyMatch, policyKey } from './authorization-policy.ts'
export type {
  AuthorizationPolicy,
  Clause,
  ConnectionFacts,
  Match,
  Rule,
  ServiceAccountMatch,
  StringMatch,
  Verdict,
} from './authorization-policy.ts'
export { authorize, authorizeWith } from './authorize.ts'
export { describeMismatch } from './describe-mismatch.ts'
export type { Mismatch } from './describe-mismatch.ts'
export { policiesFor, PolicyTable } from './policy-table.ts'
export type { ApplicablePolicies, PolicySubject, ScopedPolicy } from './policy-table.ts'
export { clausesHold, principalOf } from './match.ts'
