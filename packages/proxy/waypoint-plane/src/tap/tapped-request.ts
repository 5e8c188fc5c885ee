import type { RequestRecord } from '@tulle/l7'

/** A request that is over, as whoever taps sees it. Absent facts have no key. */
export interface TappedRequest {
  /** When it ended, ISO 8601 in UTC. */
  readonly time: string
  /** The SPIFFE id of the client; absent: it showed none. */
  readonly identity?: string
  /** `ip:port` of the client. */
  readonly address: string
  readonly method: string
  readonly host: string
  /** Normalised, without the query, which may hold secrets. */
  readonly path: string
  readonly version: string
  /** `namespace/hostname` of what was called. */
  readonly service: string
  /** The service that the route chose, where that is another. */
  readonly backend?: string
  /** `ip:port` of who answered, or was tried last. */
  readonly endpoint?: string
  /** 0: the client went away before there was any. */
  readonly status: number
  readonly grpcStatus?: string
  readonly durationMs: number
  readonly attempts: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** `unread`: it was no request that anybody could decide about; `failed`: it was allowed, and no backend answered. */
  readonly verdict: 'allowed' | 'refused' | 'unread' | 'failed'
  /** The policy that decided, and the place of its rule. */
  readonly policy?: string
  readonly rule?: number
  /** A policy that would refuse it, were it enforced. */
  readonly wouldRefuse?: string
  /** The route that it took. */
  readonly route?: string
  /** In Istio's letters; `-`: nothing out of the ordinary. */
  readonly flags: string
  /** One word, where the waypoint answered itself or broke off. */
  readonly reason?: string
}

/** Of a path: the rest says no more to people. */
const maxPathLength = 2048

/** Takes what it needs: a record lives no longer than its request. */
export function tappedRequest(record: RequestRecord, nowMs: number): TappedRequest {
  const { request, status, grpcStatus, flag, reason, endpoint } = record
  const { downstream, verdict, rule } = request
  const { principal, facts, sourcePort, service } = downstream
  const { sourceIp } = facts
  const target = request.backend?.backend
  const backend = target?.kind === 'service' && target.service !== service ? target.service : undefined
  const path = request.path.length > maxPathLength ? request.path.slice(0, maxPathLength) : request.path
  return {
    time: new Date(nowMs).toISOString(),
    ...known('identity', principal),
    address: addressText(sourceIp, sourcePort),
    method: request.method,
    host: request.host,
    path,
    version: request.head.version,
    service,
    ...known('backend', backend),
    ...known('endpoint', endpoint),
    status,
    ...known('grpcStatus', grpcStatus),
    durationMs: Math.round(record.durationMs * 1000) / 1000,
    attempts: record.attempts,
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    verdict: verdictOf(record),
    ...known('policy', verdict?.policy),
    ...known('rule', verdict?.rule),
    ...known('wouldRefuse', verdict?.wouldRefuse?.policy),
    ...known('route', rule?.name),
    flags: flag,
    ...known('reason', reason),
  }
}

/** What became of a request, in a word. */
export function verdictOf({ request: { verdict }, status, flag }: RequestRecord): TappedRequest['verdict'] {
  if (verdict === undefined) return 'unread'
  if (!verdict.allowed) return 'refused'
  return status === 0 || flag === 'UC' || flag === 'UF' || flag === 'UT' || flag === 'UH'
    ? 'failed'
    : 'allowed'
}

/** IPv6 in brackets. */
export function addressText(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function known<Name extends string, T>(name: Name, value: T | undefined): { readonly [K in Name]?: T } {
  // A computed name is only known to be a string.
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in Name]: T })
}
