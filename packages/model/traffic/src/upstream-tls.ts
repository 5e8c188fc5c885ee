import type { Backend } from './backend.ts'
import type { ServiceTraffic } from './routes.ts'

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

/** A backend, and the terms on which it is spoken to. */
export interface SecuredBackend {
  readonly backend: Backend
  readonly tls: TlsTerms | undefined
}

/** What becomes of a backend: where its TLS can't be met, it is none. */
export type TlsLookup = (backend: Backend) => SecuredBackend

/** By what was written of the ports that the routes of a service lead to, its own among them. */
export function tlsLookup({ upstreamTls = [] }: Pick<ServiceTraffic, 'upstreamTls'>): TlsLookup {
  if (upstreamTls.length === 0) return (backend) => ({ backend, tls: undefined })
  const byPort = new Map<string, UpstreamTls>(upstreamTls.map((one) => [portKey(one.service, one.port), one]))
  return (backend) => {
    const found = backend.kind === 'service' ? byPort.get(portKey(backend.service, backend.port)) : undefined
    if (found === undefined) return { backend, tls: undefined }
    return found.terms === undefined ? { backend: unmet, tls: undefined } : { backend, tls: found.terms }
  }
}

/** @see HTTPBackendRef: an invalid backend is answered for with 500 */
const unmet: Backend = { kind: 'invalid', status: 500, reason: 'InvalidBackendTLS' }

function portKey(service: string, port: number): string {
  return `${service}:${port}`
}
