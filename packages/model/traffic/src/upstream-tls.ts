import type { Backend } from './backend.ts'

/** How TLS is begun towards the endpoints of a service's port, and who they have to prove to be. */
export interface TlsTerms {
  /** What they are asked for (SNI). Without `subjectAltNames`, also the name that their certificate has to have. */
  readonly serverName: string
  /** Certificates in PEM that a chain has to end at; `system`: those that the waypoint's own machine trusts. */
  readonly roots: { readonly kind: 'pem'; readonly certificates: string } | { readonly kind: 'system' }
  /** One of them has to be in the certificate. */
  readonly subjectAltNames: readonly SubjectAltName[]
}

export interface SubjectAltName {
  readonly kind: 'dns' | 'uri'
  readonly value: string
}

/** One port of one service to which nothing goes without TLS, whatever leads there. */
export interface UpstreamTls {
  /** `namespace/hostname`. */
  readonly service: string
  readonly port: number
  /** Absent: what was written can't be met, and nothing goes there at all. */
  readonly terms?: TlsTerms
}

/** What a backend becomes whose TLS can't be met. @see HTTPBackendRef: an invalid backend is answered for with 500 */
export const unmetTls: Backend = { kind: 'invalid', status: 500, reason: 'InvalidBackendTLS' }
