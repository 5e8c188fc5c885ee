import type { SpiffeId, TrustBundle } from '@tulle/identity'
import type { Component } from '@tulle/runtime'

/** A key pair with its certificate chain and the roots that its holder trusts: all that one workload's TLS needs. */
export interface WorkloadCertificate {
  readonly identity: SpiffeId
  /** Leaf first, then intermediates. */
  readonly chainPem: string
  /** PKCS#8; goes to workers and to a 0600 file on tmpfs, never into a log. */
  readonly keyPem: string
  readonly bundle: TrustBundle
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Lower-case hex without leading zeros. */
  readonly serial: string
}

/** Where a node proxy's certificates come from: the CA, or files. */
export interface CertificateSource extends Component {
  /** All that are held, valid and wanted, in the order of their identities. An unchanged one is the same object. */
  readonly current: readonly WorkloadCertificate[]
  /** Called with all of `current` after each change of it. */
  subscribe(onChange: (list: readonly WorkloadCertificate[]) => void): Disposable
}

/** For the admin port: no key in it. */
export interface CertificateStatus {
  readonly identity: SpiffeId
  /** `available` also while a renewal fails, as long as the certificate in hand is valid. */
  readonly state: 'available' | 'waiting' | 'failing'
  readonly serial: string | undefined
  readonly notBeforeMs: number | undefined
  readonly notAfterMs: number | undefined
  readonly chainPem: string | undefined
  /** When the CA is asked next. */
  readonly nextRequestMs: number
  /** Why the last request failed; undefined after one that didn't. */
  readonly lastError: string | undefined
}

export interface CaRequest {
  /** PEM. */
  readonly csr: string
  readonly identity: SpiffeId
  readonly ttlMs: number
  readonly signal: AbortSignal
}

/** Asks a CA for one certificate. */
export interface CaClient extends Disposable {
  /** The answer's PEM texts: leaf, intermediates, at last all roots in one. Rejects with a CertificateError. */
  request(request: CaRequest): Promise<readonly string[]>
}
