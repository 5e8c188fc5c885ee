import type { OutboundDecision } from './outbound-decision.ts'
import { identityFromId, partyOf } from './party.ts'
import type { Party } from './party.ts'

/** Whom a connection goes to, as metrics and logs name it. */
export function destinationOf(decision: OutboundDecision): Party {
  if (decision.kind === 'refused') return partyOf(undefined, undefined)
  if (decision.kind === 'tcp') return partyOf(decision.workload, undefined)
  const [expected] = decision.identities
  return partyOf(decision.workload, expected === undefined ? undefined : identityFromId(expected))
}
