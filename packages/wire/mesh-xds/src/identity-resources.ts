import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parseSerial, parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import type { DomainBundle, RevocationList, SpiffeId } from '@tulle/identity'
import { RevocationSchema, TrustBundleSchema } from '@tulle/proto'
import { findForeignPart } from './closed-message.ts'
import { decodeList } from './decode-parts.ts'

/** What a list or a bundle may hold: beyond that it is a mistake or an attack. */
const maxEntries = 100_000
const maxRoots = 100
const maxRootChars = 65_536

/** The bytes of a `tulle.identity.v1.Revocation`: equal lists give equal bytes. */
export function encodeRevocation({ name, identities, serials }: RevocationList): Uint8Array {
  return toBinary(
    RevocationSchema,
    create(RevocationSchema, { name, identities: [...identities], serials: [...serials] }),
  )
}

/**
 * A revocation list from its bytes. One that is not understood in full is refused: half of it would leave believed
 * whom the other half names.
 */
export function decodeRevocation(bytes: Uint8Array): Result<RevocationList> {
  const message = decodeClosed(RevocationSchema, bytes)
  if (!message.ok) return message
  const { name } = message.value
  if (name === '') return err('name is empty')
  if (message.value.identities.length + message.value.serials.length > maxEntries)
    return err(`expected at most ${maxEntries} entries`)
  const identities = decodeList(message.value.identities, 'identities', decodeIdentity)
  if (!identities.ok) return identities
  const serials = decodeList(message.value.serials, 'serials', parseSerial)
  if (!serials.ok) return serials
  return ok({ name, identities: identities.value, serials: serials.value })
}

/** The bytes of a `tulle.identity.v1.TrustBundle`. */
export function encodeTrustBundle({ trustDomain, roots, signer }: DomainBundle): Uint8Array {
  return toBinary(
    TrustBundleSchema,
    create(TrustBundleSchema, { trustDomain, roots: [...roots], signer: signer ?? '' }),
  )
}

/**
 * A trust domain's roots from their bytes, as texts: whether they are certificates is for whoever uses them to
 * find out. Unknown fields refuse it, as one might say for whom a root must not sign.
 */
export function decodeTrustBundle(bytes: Uint8Array): Result<DomainBundle> {
  const message = decodeClosed(TrustBundleSchema, bytes)
  if (!message.ok) return message
  const { roots, signer } = message.value
  const trustDomain = parseTrustDomain(message.value.trustDomain)
  if (!trustDomain.ok) return trustDomain
  if (roots.length === 0 || roots.length > maxRoots)
    return err(`expected 1–${maxRoots} roots, found ${roots.length}`)
  if (roots.some((root) => root.length > maxRootChars)) return err(`a root over ${maxRootChars} characters`)
  if (signer !== '' && !/^[0-9a-f]{64}$/u.test(signer)) return err('signer: expected a SHA-256 in hex')
  return ok({ trustDomain: trustDomain.value, roots, signer: signer === '' ? undefined : signer })
}

function decodeIdentity(text: string): Result<SpiffeId> {
  const parsed = parseSpiffeId(text)
  return parsed.ok ? ok(spiffeId(parsed.value)) : parsed
}

function decodeClosed<S extends DescMessage>(schema: S, bytes: Uint8Array): Result<MessageShape<S>> {
  try {
    const foreign = findForeignPart(schema, bytes)
    return foreign === undefined ? ok(fromBinary(schema, bytes)) : err(foreign)
  } catch (error) {
    return err(`not a ${schema.name}: ${errorText(error)}`)
  }
}
