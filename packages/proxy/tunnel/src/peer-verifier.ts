import type { X509Certificate } from 'node:crypto'
import { err, must, ok } from '@tulle/core'
import type { Clock, Result } from '@tulle/core'
import { noRevocations, parseSpiffeId, rootsOf } from '@tulle/identity'
import type { Identity, Revocations, SpiffeId, TrustBundle, TrustDomain } from '@tulle/identity'
import {
  certificateFingerprint,
  parseCertificate,
  parseCertificates,
  spiffeIdOf,
  verifyChain,
} from '@tulle/x509'
import type { Certificate } from '@tulle/x509'

/** A peer whose certificate a root of its own trust domain has signed. */
export interface VerifiedPeer {
  readonly id: SpiffeId
  readonly identity: Identity
  readonly serial: string
  /** When the first certificate of the chain ends. */
  readonly notAfterMs: number
  /** SHA-256 of the root that vouches for it, in lower-case hex. */
  readonly rootFingerprint: string
}

/** Why a peer is not believed; the words are stable, they reach logs and metrics. */
export type PeerRefusalReason =
  | 'no-certificate'
  | 'bad-certificate'
  | 'bad-identity'
  | 'unknown-trust-domain'
  | 'untrusted'
  | 'not-valid-now'
  | 'revoked'
  | 'unexpected-identity'

export interface PeerRefusal {
  readonly reason: PeerRefusalReason
  readonly message: string
}

interface Believed {
  readonly peer: VerifiedPeer
  readonly notBeforeMs: number
}

/** What a peer may make us follow and keep. */
const maxChainLength = 10
const maxCached = 4096

export interface PeerVerifierOptions {
  readonly bundle: TrustBundle
  readonly clock: Clock
}

/**
 * Decides who a TLS peer is. OpenSSL has checked the chain against the union of all roots; that any root may
 * sign for any domain there is undone here: the chain must lead to a root of the domain that the leaf claims.
 * @see SPIFFE X.509-SVID §5.2
 */
export class PeerVerifier {
  readonly #roots: ReadonlyMap<TrustDomain, readonly Certificate[]>
  readonly #fingerprints: ReadonlyMap<TrustDomain, ReadonlySet<string>>
  readonly #clock: Clock
  /** By leaf fingerprint: sessions come in numbers from the same few certificates. */
  readonly #believed: Map<string, Believed> = new Map()
  #revocations: Revocations = noRevocations
  /** Who decides now, where it is no longer this one. */
  #successor: PeerVerifier | undefined

  /** Throws where the bundle holds something that is no certificate: it was checked when it came in. */
  constructor(options: PeerVerifierOptions) {
    this.#clock = options.clock
    this.#roots = parseRoots(options.bundle)
    this.#fingerprints = new Map(
      [...this.#roots].map(([domain, roots]) => [domain, new Set(roots.map(certificateFingerprint))]),
    )
  }

  setRevocations(revocations: Revocations): void {
    this.#revocations = revocations
  }

  /** Another bundle holds now; sessions that this one let in are judged by it. */
  succeededBy(successor: PeerVerifier): void {
    this.#successor = successor
  }

  /** `leaf` as `TLSSocket.getPeerX509Certificate` gives it: what else the peer sent hangs on its issuer links. */
  verify(leaf: X509Certificate | undefined): Result<VerifiedPeer, PeerRefusal> {
    if (leaf === undefined) return refuse('no-certificate', 'the peer sent no certificate')
    const fingerprint = leaf.fingerprint256
    let believed = this.#believed.get(fingerprint)
    if (believed === undefined) {
      const walked = this.#walk(leaf)
      if (!walked.ok) return walked
      believed = walked.value
      if (this.#believed.size >= maxCached) this.#believed.clear()
      this.#believed.set(fingerprint, believed)
    }
    return this.#stillGood(believed)
  }

  /** Whether a session with this peer must end now. */
  isRevoked(peer: VerifiedPeer): boolean {
    return this.#revocations.identities.has(peer.id) || this.#revocations.serials.has(peer.serial)
  }

  /** Whether the root that vouched for this peer has left the bundle: nothing new may travel on its sessions. */
  isOutdated({ identity, rootFingerprint }: VerifiedPeer): boolean {
    if (this.#successor === undefined) return false
    return this.#successor.#fingerprints.get(identity.trustDomain)?.has(rootFingerprint) !== true
  }

  #stillGood(believed: Believed): Result<VerifiedPeer, PeerRefusal> {
    const { peer, notBeforeMs } = believed
    const nowMs = this.#clock.nowMs()
    if (nowMs < notBeforeMs || nowMs > peer.notAfterMs) {
      return refuse('not-valid-now', `the certificate of ${peer.id} is not valid now`)
    }
    if (this.isRevoked(peer)) return refuse('revoked', `${peer.id} with serial ${peer.serial} is revoked`)
    return ok(peer)
  }

  #walk(x509: X509Certificate): Result<Believed, PeerRefusal> {
    const leaf = parseCertificate(x509.raw)
    if (!leaf.ok) return refuse('bad-certificate', leaf.error)
    const id = spiffeIdOf(leaf.value)
    if (!id.ok) return refuse('bad-identity', id.error)
    const identity = must(parseSpiffeId(id.value))
    const roots = this.#roots.get(identity.trustDomain)
    if (roots === undefined) {
      return refuse('unknown-trust-domain', `no root is known for the trust domain of ${id.value}`)
    }
    const nowMs = this.#clock.nowMs()
    const intermediates = issuersOf(x509)
    const chain = verifyChain({ leaf: leaf.value, intermediates, roots, nowMs })
    if (!chain.ok) {
      const early = nowMs < leaf.value.notBeforeMs || nowMs > leaf.value.notAfterMs
      return refuse(early ? 'not-valid-now' : 'untrusted', `${id.value}: ${chain.error}`)
    }
    const notBeforeMs = Math.max(...chain.value.map((certificate) => certificate.notBeforeMs))
    const notAfterMs = Math.min(...chain.value.map((certificate) => certificate.notAfterMs))
    const { serial } = leaf.value
    const rootFingerprint = certificateFingerprint(chain.value.at(-1) ?? leaf.value)
    return ok({ peer: { id: id.value, identity, serial, notAfterMs, rootFingerprint }, notBeforeMs })
  }
}

function parseRoots(bundle: TrustBundle): ReadonlyMap<TrustDomain, readonly Certificate[]> {
  const roots = new Map<TrustDomain, readonly Certificate[]>()
  for (const domain of bundle.roots.keys()) {
    roots.set(
      domain,
      rootsOf(bundle, domain).flatMap((pem) => must(parseCertificates(pem))),
    )
  }
  return roots
}

/** What the peer sent after its leaf. One that we cannot read is left out: a chain that needs it will not hold. */
function issuersOf(leaf: X509Certificate): readonly Certificate[] {
  const issuers: Certificate[] = []
  let issuer = leaf.issuerCertificate
  while (issuer !== undefined && issuers.length < maxChainLength) {
    const parsed = parseCertificate(issuer.raw)
    if (parsed.ok) issuers.push(parsed.value)
    const next: X509Certificate | undefined = issuer.issuerCertificate
    if (next === undefined || next.fingerprint256 === issuer.fingerprint256) break
    issuer = next
  }
  return issuers.slice(0, 8)
}

function refuse(reason: PeerRefusalReason, message: string): { ok: false; error: PeerRefusal } {
  return err({ reason, message })
}
