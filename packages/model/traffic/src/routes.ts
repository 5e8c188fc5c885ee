import type { HttpFilter, WeightedBackend } from './backend.ts'
import type { HttpMatch } from './match.ts'
import type { RuleOrigin } from './origin.ts'
import type { Resilience, RetryRule, SessionPersistence } from './resilience.ts'
import type { UpstreamTls } from './upstream-tls.ts'

/** What happens to requests that one of an entry's matches covers. */
export interface HttpRule {
  readonly origin: RuleOrigin
  readonly filters: readonly HttpFilter[]
  /** Empty with a redirect, or where all are gone: then `noBackendStatus`. */
  readonly backends: readonly WeightedBackend[]
  /** The answer where no backend has a share. */
  readonly noBackendStatus: 500 | 503 | 404
  /** The whole exchange, retries included; 0 = none. */
  readonly requestTimeoutMs: number
  /** One attempt; 0 = none. */
  readonly attemptTimeoutMs: number
  readonly retry?: RetryRule
  readonly session?: SessionPersistence
  /** What is attached to this rule itself, over what is attached to the service. */
  readonly resilience?: Resilience
}

/** One match and the rule that it leads to. */
export interface HttpEntry {
  readonly match: HttpMatch
  readonly rule: HttpRule
}

/** Entries in the order of precedence: the first that matches decides; none: 404. */
export interface HttpRoutes {
  readonly kind: 'http'
  readonly entries: readonly HttpEntry[]
}

/** Decided once for a connection, by weight. */
export interface TcpRoutes {
  readonly kind: 'tcp'
  readonly origin: RuleOrigin
  readonly backends: readonly WeightedBackend[]
}

/** Decided by the server name that the client asks for; no match: closed. */
export interface TlsRoutes {
  readonly kind: 'tls'
  readonly entries: readonly {
    /** Lower case; `*.example.com` covers every name below; empty = any. */
    readonly hostnames: readonly string[]
    readonly origin: RuleOrigin
    readonly backends: readonly WeightedBackend[]
  }[]
}

export type Routes = HttpRoutes | TcpRoutes | TlsRoutes

/** How a port's bytes are read. `detect`: HTTP/1.1, HTTP/2 or neither, by what the client says first. */
export type PortProtocol = 'http' | 'http2' | 'tcp' | 'tls' | 'detect'

export interface PortTraffic {
  readonly port: number
  readonly protocol: PortProtocol
  /** For every caller; without, requests go to the service's own endpoints. */
  readonly producer?: Routes
  /** By the caller's namespace; for those callers instead of the producer's. */
  readonly consumers: ReadonlyMap<string, Routes>
  /** All that is attached to this port, that of the service included: instead of what the service says. */
  readonly resilience?: Resilience
}

/** Everything about the traffic to one service, as far as it is not the service itself. */
export interface ServiceTraffic {
  /** `namespace/hostname`. */
  readonly service: string
  readonly ports: readonly PortTraffic[]
  /** For ports that say nothing themselves. */
  readonly resilience?: Resilience
  /** Of its own ports, and of those of other services that its routes lead to. */
  readonly upstreamTls?: readonly UpstreamTls[]
}

/** What is attached to one port of a service; the same object for as long as the traffic is the same. */
export function resilienceAt(
  { ports, resilience }: Pick<ServiceTraffic, 'ports' | 'resilience'>,
  port: number,
): Resilience | undefined {
  return ports.find((one) => one.port === port)?.resilience ?? resilience
}
