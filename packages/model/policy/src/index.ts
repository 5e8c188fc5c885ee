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
