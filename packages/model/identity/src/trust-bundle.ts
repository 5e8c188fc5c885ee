import { compareText } from '@tulle/core'
import type { TrustDomain } from './trust-domain.ts'

/** The roots that may sign for each trust domain: PEM certificates, one an entry. */
export interface TrustBundle {
  readonly roots: ReadonlyMap<TrustDomain, readonly string[]>
}

/** What the control plane says of one trust domain. */
export interface DomainBundle {
  readonly trustDomain: TrustDomain
  /** PEM, one certificate an entry; never empty. */
  readonly roots: readonly string[]
  /** SHA-256 of the root that signs, in lower-case hex; undefined where nobody says. */
  readonly signer: string | undefined
}

export function rootsOf(bundle: TrustBundle, domain: TrustDomain): readonly string[] {
  return bundle.roots.get(domain) ?? []
}

/** Every root of every domain, for OpenSSL's first look at a chain; who may sign for whom is checked after it. */
export function allRoots(bundle: TrustBundle): readonly string[] {
  return [...new Set([...bundle.roots.values()].flat())].toSorted(compareText)
}
