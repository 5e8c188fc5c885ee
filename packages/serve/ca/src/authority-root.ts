import type { KeyObject } from 'node:crypto'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { TrustDomain } from '@tulle/identity'
import {
  createRoot,
  keysMatch,
  parseCertificates,
  parsePrivateKey,
  publicKeyOf,
  verifyIssuer,
} from '@tulle/x509'
import type { Certificate } from '@tulle/x509'

/** One root of the trust bundle and, where we hold its key (or that of a CA under it), what we sign with. */
export interface AuthorityRoot {
  /** The files' name in the folder. */
  readonly name: string
  /** The signing CA first, then those above it, at last the root. Often the root alone. */
  readonly chain: readonly Certificate[]
  readonly root: Certificate
  /** The key of `chain[0]`; absent for a root that is trusted and no longer signs. */
  readonly key: KeyObject | undefined
}

/** The bit of keyUsage. @see RFC 5280 §4.2.1.3 */
const keyCertSign = 5
const dayMs = 86_400_000
const rootLifetimeMs = 3650 * dayMs
/** Clocks of nodes may be behind ours, and ours may be set back. More than of any certificate that it signs. */
const rootBackdateMs = 7_200_000

/** A fresh root of ten years with a P-256 key. Its name says whose it is and since when. */
export function makeRoot(options: {
  readonly name: string
  readonly trustDomain: TrustDomain
  readonly nowMs: number
}): AuthorityRoot {
  const { name, trustDomain, nowMs } = options
  const since = new Date(nowMs).toISOString().slice(0, 10)
  const { certificate, key } = createRoot({
    subject: { organization: trustDomain, commonName: `Tulle ${name} ${since}` },
    // @see SPIFFE X.509-SVID §3.2: a signing certificate's id is the trust domain's, without a path
    uriSans: [`spiffe://${trustDomain}`],
    notBeforeMs: nowMs - rootBackdateMs,
    notAfterMs: nowMs + rootLifetimeMs,
  })
  return { name, chain: [certificate], root: certificate, key }
}

export const rootName: RegExp = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u

/** Puts a root together from its files' text: certificates in PEM from the signing CA up to the root, and its key. */
export function parseRoot(
  name: string,
  certificatesPem: string,
  privateKeyPem: string | undefined,
): Result<AuthorityRoot> {
  if (!rootName.test(name)) return err(`expected a name of a–z, 0–9 and "-", found ${JSON.stringify(name)}`)
  const chain = parseCertificates(certificatesPem)
  if (!chain.ok) return chain
  const [signer] = chain.value
  const root = chain.value.at(-1)
  if (signer === undefined || root === undefined) return err('expected a certificate')
  const broken = chainProblem(chain.value, root)
  if (broken !== undefined) return err(broken)
  if (privateKeyPem === undefined) return ok({ name, chain: chain.value, root, key: undefined })
  const key = parsePrivateKey(privateKeyPem)
  if (!key.ok) return key
  const publicKey = publicKeyOf(signer)
  if (publicKey === undefined || !keysMatch(publicKey, key.value)) {
    return err('expected the private key of the first certificate, found that of another')
  }
  return ok({ name, chain: chain.value, root, key: key.value })
}

/** Time is not looked at here: an expired root may be loaded, to be replaced. */
function chainProblem(chain: readonly Certificate[], root: Certificate): string | undefined {
  const [signer] = chain
  if (signer?.isCa !== true || signer.keyUsage?.includes(keyCertSign) === false) {
    return 'certificate 1: expected a CA that may sign certificates, found another'
  }
  for (const [i, certificate] of chain.entries()) {
    const label = `certificate ${i + 1}`
    const issuer = chain[i + 1] ?? root
    const fault = verifyIssuer(certificate, issuer, issuer === certificate ? i : i + 1)
    if (fault === undefined) continue
    return issuer === root && certificate === root
      ? `${label}: expected a self-signed root at the end, but ${fault}`
      : `${label}: expected to be signed by certificate ${i + 2}, but ${fault}`
  }
  return undefined
}
