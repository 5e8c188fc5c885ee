import type { SpiffeId, TrustBundle } from '@tulle/identity'

/** A key pair with its certificate chain and the roots that its holder trusts: all that one workload's TLS needs. */
export interface WorkloadCertificate {
  readonly identity: SpiffeId
  /** Leaf first, then intermediates. */
  readonly chainPem: string
  readonly keyPem: string
  readonly bundle: TrustBundle
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Lower-case hex without leading zeros. */
  readonly serial: string
}
