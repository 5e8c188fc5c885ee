import { must } from '@tulle/core'
import { Fields } from '@tulle/http1'
import type { RequestRecord } from '@tulle/l7'
import { parseIpAddress } from '@tulle/mesh'
import { parseSpiffeId, spiffeId } from '@tulle/identity'

export interface RecordParts {
  readonly account?: string
  readonly method?: string
  readonly path?: string
  readonly status?: number
  readonly flag?: RequestRecord['flag']
  readonly grpcStatus?: string
  readonly durationMs?: number
  readonly allowed?: boolean
  readonly backend?: string
}

/** A request that is over, as the way of requests leaves it. */
export function record(parts: RecordParts = {}): RequestRecord {
  const { account = 'reader', method = 'GET', path = '/books/1', status = 200, allowed = true } = parts
  const identity = must(parseSpiffeId(`spiffe://td/ns/shop/sa/${account}`))
  const fields = Fields.of([])
  const facts = {
    identity,
    sourceIp: must(parseIpAddress('10.77.1.2')),
    destinationIp: must(parseIpAddress('240.240.0.1')),
    destinationPort: 80,
  }
  const refused = { allowed, reason: 'no-allow-rule', policy: 'shop/books' } as const
  const { backend } = parts
  // What of a request's state is read once it is over.
  const request = {
    method,
    path,
    host: 'books.shop',
    head: { version: '1.1', fields },
    downstream: {
      facts,
      sourcePort: 40_000,
      principal: spiffeId(identity),
      namespace: 'shop',
      scheme: 'http',
      service: 'shop/books.shop.svc.cluster.local',
      port: 80,
    },
    verdict: allowed ? { allowed, reason: 'no-policy' } : refused,
    rule: undefined,
    backend: backend === undefined ? undefined : { backend: { kind: 'service', service: backend, port: 80 } },
  } as unknown as RequestRecord['request']
  const durationMs = parts.durationMs ?? 1.25
  return {
    request,
    status,
    flag: parts.flag ?? '-',
    reason: undefined,
    grpcStatus: parts.grpcStatus,
    startedMs: 0,
    endedMs: durationMs,
    durationMs,
    requestBytes: 0,
    responseBytes: 12,
    attempts: 1,
    endpoint: '10.77.1.3:8080',
    trace: undefined,
  }
}
