import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parseSpiffeId } from '@tulle/identity'
import type { DomainBundle, SpiffeId, TrustDomain } from '@tulle/identity'
import { certificateFingerprint, parseCertificates } from '@tulle/x509'

interface Told {
  readonly signer: string | undefined
  readonly fingerprints: ReadonlySet<string>
}

/** What the control plane says of roots, by trust domain: which ones count, and which one signs. */
export class ToldRoots {
  readonly #domains: ReadonlyMap<TrustDomain, Told>

  /** Throws where a root is no certificate: `checkBundle` comes first. */
  constructor(bundles: readonly DomainBundle[] = []) {
    this.#domains = new Map(bundles.map((bundle) => [bundle.trustDomain, toldOf(bundle)]))
  }

  /** Whether certificates of this identity may lead to this root; true where nothing was said. */
  includes(identity: SpiffeId, rootFingerprint: string): boolean {
    return this.#of(identity)?.fingerprints.has(rootFingerprint) ?? true
  }

  /** Whether it is the root that signs now; true where nothing was said. */
  signs(identity: SpiffeId, rootFingerprint: string): boolean {
    const signer = this.#of(identity)?.signer
    return signer === undefined || signer === rootFingerprint
  }

  #of(identity: SpiffeId): Told | undefined {
    const parsed = parseSpiffeId(identity)
    return parsed.ok ? this.#domains.get(parsed.value.trustDomain) : undefined
  }
}

/** Why a bundle can't be used: a text in it that is not one certificate, or a signer that is not among its roots. */
export function checkBundle({ roots, signer }: DomainBundle): Result<void> {
  const fingerprints = new Set<string>()
  for (const [i, pem] of roots.entries()) {
    const certificates = parseCertificates(pem)
    if (!certificates.ok) return err(`roots[${i}]: ${certificates.error}`)
    const [root, ...others] = certificates.value
    if (root === undefined || others.length > 0) return err(`roots[${i}]: expected one certificate`)
    if (!root.isCa) return err(`roots[${i}]: expected a CA, found another certificate`)
    fingerprints.add(certificateFingerprint(root))
  }
  if (signer !== undefined && !fingerprints.has(signer)) return err('the signer is none of the roots')
  return ok(undefined)
}

function toldOf({ roots, signer }: DomainBundle): Told {
  const certificates = roots.flatMap((pem) => {
    const parsed = parseCertificates(pem)
    if (!parsed.ok) throw new TypeError(`a root that was not checked: ${parsed.error}`)
    return parsed.value
  })
  return { signer, fingerprints: new Set(certificates.map(certificateFingerprint)) }
}
