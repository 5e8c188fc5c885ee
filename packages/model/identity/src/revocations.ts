import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { SpiffeId } from './spiffe-id.ts'

/** Who is no longer believed although a certificate says so. */
export interface Revocations {
  readonly identities: ReadonlySet<string>
  /** Of certificates: lower-case hex without leading zeros. */
  readonly serials: ReadonlySet<string>
}

/** One of the lists that together are what is revoked. */
export interface RevocationList {
  readonly name: string
  readonly identities: readonly SpiffeId[]
  readonly serials: readonly string[]
}

export const noRevocations: Revocations = { identities: new Set(), serials: new Set() }

/** @see RFC 5280 §4.1.2.2 */
const maxSerialDigits = 40

export function uniteRevocations(lists: Iterable<RevocationList>): Revocations {
  const identities = new Set<string>()
  const serials = new Set<string>()
  for (const list of lists) {
    for (const identity of list.identities) identities.add(identity)
    for (const serial of list.serials) serials.add(serial)
  }
  return { identities, serials }
}

/** A certificate's serial number as we compare it; colons and capitals as openssl prints them are understood too. */
export function parseSerial(text: string): Result<string> {
  const serial = text
    .replaceAll(':', '')
    .toLowerCase()
    .replace(/^0+(?=.)/u, '')
  if (/^[0-9a-f]+$/u.test(serial) && serial.length <= maxSerialDigits) return ok(serial)
  return err(
    `expected a serial number of at most ${maxSerialDigits} hex digits, found ${JSON.stringify(text.slice(0, 100))}`,
  )
}
