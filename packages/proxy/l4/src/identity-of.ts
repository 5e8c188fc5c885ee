import { defaultTrustDomain, parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import type { Identity } from '@tulle/identity'
import type { EnrolledWorkload } from './data-plane.ts'
import { L4Error } from './errors.ts'

/** Who the workload is. Its names come from whoever started it, and make a SPIFFE id or nothing. */
export function identityOf(workload: EnrolledWorkload): Identity {
  const trustDomain = parseTrustDomain(workload.trustDomain ?? defaultTrustDomain)
  if (!trustDomain.ok) throw new L4Error('L4_IDENTITY', `${workload.uid}: ${trustDomain.error}`)
  const { namespace, serviceAccount } = workload
  const identity = { trustDomain: trustDomain.value, namespace, serviceAccount }
  const parsed = parseSpiffeId(spiffeId(identity))
  if (!parsed.ok) throw new L4Error('L4_IDENTITY', `${workload.uid}: ${parsed.error}`)
  return identity
}
