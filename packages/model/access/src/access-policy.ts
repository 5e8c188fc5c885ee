import type { HttpMatch } from '@tulle/traffic'
import type { AuthorizationPolicy, Rule } from '@tulle/policy'

/** A rule that may look into requests. */
export interface AccessRule {
  /** Who, where to, on which ports: as at L4. */
  readonly connection: Rule
  /**
   * Any of them has to cover the request; none in the list: the rule covers nothing. Absent: requests are not looked at,
   * and the rule holds for streams that are no HTTP too.
   */
  readonly requests?: readonly HttpMatch[]
}

/** An authorization policy as a waypoint enforces it: under the same key, with what the L4 policy can't say. */
export interface AccessPolicy extends Omit<AuthorizationPolicy, 'rules'> {
  readonly rules: readonly AccessRule[]
}

/** Whether somebody has to read the requests for it to be decided. */
export function readsRequests(policy: AccessPolicy): boolean {
  return policy.rules.some(({ requests }) => requests !== undefined)
}
