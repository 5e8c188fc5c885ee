import { err, ok } from '@tulle/core'
import type { Branded, Result } from '@tulle/core'

/** The naming root of a mesh's identities, such as `cluster.local`. @see SPIFFE ID §2.1 */
export type TrustDomain = Branded<string, 'TrustDomain'>

/** What an empty trust domain on the wire means. */
export const defaultTrustDomain: TrustDomain = 'cluster.local' as TrustDomain

/** Lower-case letters, digits, dots, dashes and underscores, at most 255 bytes. */
export function parseTrustDomain(text: string): Result<TrustDomain> {
  if (!/^[a-z0-9._-]{1,255}$/u.test(text)) {
    return err(`expected a trust domain of a–z, 0–9, ".", "-" and "_", found ${JSON.stringify(text)}`)
  }
  return ok(text as TrustDomain)
}
