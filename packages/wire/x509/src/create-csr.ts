import type { SpiffeId } from '@tulle/identity'
import { encodeSans, extension } from './create-certificate.ts'
import * as der from './der-write.ts'
import { signatureAlgorithm, signBytes } from './keys.ts'
import type { KeyPair } from './keys.ts'
import { oids } from './oids.ts'

export interface CsrOptions {
  readonly identity: SpiffeId
  readonly keyPair: KeyPair
}

/** A signing request in DER as ztunnel's: no subject, one URI SAN, signed with SHA-256. @see RFC 2986 §4 */
export function createCsr(options: CsrOptions): Uint8Array {
  const { publicKey, privateKey } = options.keyPair
  const sans = encodeSans({ uriSans: [options.identity] }) ?? der.sequence()
  const request = der.sequence(
    der.oid(oids.extensionRequest),
    der.setOf(der.sequence(extension(oids.subjectAltName, true, sans))),
  )
  const info = der.sequence(
    der.smallInteger(0),
    der.sequence(),
    publicKey.export({ type: 'spki', format: 'der' }),
    der.element(der.contextTag(0, true), request),
  )
  return der.sequence(info, signatureAlgorithm(privateKey), der.bitString(signBytes(info, privateKey)))
}
