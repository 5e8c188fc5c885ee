import { unmetTls } from '@tulle/traffic'
import type { Backend, ServiceTraffic, TlsTerms, UpstreamTls } from '@tulle/traffic'

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
    return found.terms === undefined ? { backend: unmetTls, tls: undefined } : { backend, tls: found.terms }
  }
}

function portKey(service: string, port: number): string {
  return `${service}:${port}`
}
