import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { Clock } from '@tulle/core'
import { noRevocations } from '@tulle/identity'
import type { Revocations } from '@tulle/identity'
import type { WorkloadCertificate } from './credentials.ts'
import { PeerVerifier } from './peer-verifier.ts'
import { clientContextOptions } from './tls-settings.ts'

/** A certificate made ready: parsed once, used for every handshake until the next one comes. */
export interface Credentials {
  readonly certificate: WorkloadCertificate
  readonly clientContext: SecureContext
  readonly verifier: PeerVerifier
}

/** The current credentials of one identity, shared by its pool and its server. */
export class CredentialHolder {
  readonly #clock: Clock
  readonly #listeners: Set<(credentials: Credentials) => void> = new Set()
  #current: Credentials | undefined
  #revocations: Revocations = noRevocations
  /** Verifiers that running sessions were accepted by, so that revocations and new roots reach these too. */
  readonly #verifiers: Set<WeakRef<PeerVerifier>> = new Set()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Undefined before the first certificate, and once it has expired without a next one. */
  get current(): Credentials | undefined {
    const current = this.#current
    if (current === undefined || this.#clock.nowMs() > current.certificate.notAfterMs) return undefined
    return current
  }

  /** Throws what OpenSSL says of a key or certificate that it can't read. */
  set(certificate: WorkloadCertificate): void {
    if (this.#current !== undefined && sameCertificate(this.#current.certificate, certificate)) return
    const verifier = new PeerVerifier({ bundle: certificate.bundle, clock: this.#clock })
    verifier.setRevocations(this.#revocations)
    const clientContext = createSecureContext(clientContextOptions(certificate))
    this.#current = { certificate, clientContext, verifier }
    for (const before of this.#alive()) before.succeededBy(verifier)
    this.#verifiers.add(new WeakRef(verifier))
    for (const listener of this.#listeners) listener(this.#current)
  }

  setRevocations(revocations: Revocations): void {
    this.#revocations = revocations
    for (const verifier of this.#alive()) verifier.setRevocations(revocations)
  }

  *#alive(): Generator<PeerVerifier> {
    for (const reference of this.#verifiers) {
      const verifier = reference.deref()
      if (verifier === undefined) this.#verifiers.delete(reference)
      else yield verifier
    }
  }

  /** Called with each new certificate, and at once with the one that is there. */
  onChange(listener: (credentials: Credentials) => void): Disposable {
    this.#listeners.add(listener)
    if (this.#current !== undefined) listener(this.#current)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }
}

function sameCertificate(a: WorkloadCertificate, b: WorkloadCertificate): boolean {
  if (a.chainPem !== b.chainPem || a.keyPem !== b.keyPem) return false
  if (a.bundle.roots.size !== b.bundle.roots.size) return false
  for (const [domain, roots] of a.bundle.roots) {
    if (roots.join('\n') !== b.bundle.roots.get(domain)?.join('\n')) return false
  }
  return true
}
