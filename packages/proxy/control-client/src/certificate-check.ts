import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { SpiffeId } from '@tulle/identity'
import {
  certificateFingerprint,
  certificatePem,
  joinPem,
  keysMatch,
  parseCertificates,
  parsePrivateKey,
  publicKeyOf,
  spiffeIdOf,
  verifyChain,
} from '@tulle/x509'
import type { Certificate } from '@tulle/x509'

/** A chain that was found to lead from an identity to one of its roots, with its key. */
export interface CheckedCertificate {
  readonly identity: SpiffeId
  readonly chainPem: string
  readonly keyPem: string
  /** One root an entry. */
  readonly rootsPem: readonly string[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly serial: string
  /** SHA-256 of the root that the chain leads to, in lower-case hex. */
  readonly rootFingerprint: string
}

export interface UncheckedCertificate {
  /** Leaf first, PEM. */
  readonly chainPem: string
  readonly rootsPem: string
  readonly keyPem: string
}

/**
 * What a CA answered, or a file holds, before any of it is used: the leaf names exactly one identity, its key is
 * ours, and the chain leads to one of the roots that came with it.
 */
export function checkCertificate(found: UncheckedCertificate, nowMs: number): Result<CheckedCertificate> {
  const chain = parseCertificates(found.chainPem)
  if (!chain.ok) return err(`certificate chain: ${chain.error}`)
  const roots = parseCertificates(found.rootsPem)
  if (!roots.ok) return err(`roots: ${roots.error}`)
  const [leaf, ...intermediates] = chain.value
  if (leaf === undefined) return err('certificate chain: expected a certificate')
  const identity = spiffeIdOf(leaf)
  if (!identity.ok) return identity
  const key = parsePrivateKey(found.keyPem)
  if (!key.ok) return key
  const publicKey = publicKeyOf(leaf)
  if (publicKey === undefined || !keysMatch(publicKey, key.value)) {
    return err('expected a certificate for our key, found one for another')
  }
  const path = verifyChain({ leaf, intermediates, roots: roots.value, nowMs })
  if (!path.ok) return err(`the chain of ${identity.value}: ${path.error}`)
  return ok(
    facts(found.keyPem, identity.value, { leaf, chain: chain.value, roots: roots.value, path: path.value }),
  )
}

interface Found {
  readonly leaf: Certificate
  readonly chain: readonly Certificate[]
  readonly roots: readonly Certificate[]
  readonly path: readonly Certificate[]
}

function facts(keyPem: string, identity: SpiffeId, { leaf, chain, roots, path }: Found): CheckedCertificate {
  return {
    identity,
    chainPem: joinPem(chain),
    keyPem,
    rootsPem: roots.map(certificatePem),
    notBeforeMs: leaf.notBeforeMs,
    // A chain ends when the first certificate on its way does.
    notAfterMs: Math.min(...path.map((certificate) => certificate.notAfterMs)),
    serial: leaf.serial,
    rootFingerprint: certificateFingerprint(path.at(-1) ?? leaf),
  }
}
