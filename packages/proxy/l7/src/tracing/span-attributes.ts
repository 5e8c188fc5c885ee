import type { RequestHead } from '@tulle/http1'
import type { Attributes } from '@tulle/otlp'
import type { RequestRecord } from '../request-record.ts'
import type { UpstreamSpec } from '../upstream/cluster.ts'

/** Of what a client sends; what is longer says no more to people. */
const maxText = 1024

/** @see OpenTelemetry semantic conventions, HTTP spans: others would make too many names. */
const knownMethods: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
])

/** The method alone: a proxy does not know which part of a path names a thing. */
export function spanName(method: string): string {
  return knownMethods.has(method) ? method : 'HTTP'
}

/** Of the request as it came. Queries are left out, which may hold secrets. */
export function serverAttributes(record: RequestRecord): Attributes {
  const { request, status, flag, reason, grpcStatus, attempts } = record
  const { downstream, head, verdict, rule, backend } = request
  const { facts, sourcePort, principal, namespace, service, port, scheme } = downstream
  const target = backend?.backend
  return {
    ...methodAttributes(request.method),
    'url.scheme': scheme,
    'url.path': short(request.path),
    'server.address': short(request.host),
    'server.port': port,
    'client.address': facts.sourceIp,
    'client.port': sourcePort,
    'network.peer.address': facts.sourceIp,
    'network.peer.port': sourcePort,
    'network.protocol.version': head.version,
    'user_agent.original': short(request.fields.get('user-agent')),
    'http.response.status_code': status === 0 ? undefined : status,
    'error.type': errorType(status, 500, status === 0 ? (reason ?? 'unknown') : undefined),
    'rpc.grpc.status_code': grpcCode(grpcStatus),
    'tulle.source.principal': principal,
    'tulle.source.namespace': namespace === '' ? undefined : namespace,
    'tulle.destination.service': target?.kind === 'service' ? target.service : service,
    'tulle.route': rule?.name,
    'tulle.verdict': verdict === undefined ? undefined : verdict.allowed ? 'allowed' : 'refused',
    'tulle.policy': verdict?.policy,
    'tulle.response_flags': flag,
    'tulle.reason': reason,
    'tulle.attempts': attempts,
  }
}

/** Of one attempt, with the request as it left. */
export function clientAttributes(attempt: {
  readonly head: RequestHead
  readonly endpoint: UpstreamSpec
  readonly repeats: number
  /** 0: no answer. */
  readonly status: number
  readonly failure: string | undefined
}): Attributes {
  const { head, endpoint, repeats, status, failure } = attempt
  const query = head.path.indexOf('?')
  const path = query < 0 ? head.path : head.path.slice(0, query)
  const [address, port] = hostAndPort(head)
  return {
    ...methodAttributes(head.method),
    'url.full': short(`${head.scheme}://${head.authority}${path}`),
    'server.address': short(address),
    'server.port': port,
    'network.peer.address': endpoint.ip,
    'network.peer.port': endpoint.port,
    'network.protocol.version': endpoint.protocol === 'http2' ? '2' : '1.1',
    'http.request.resend_count': repeats === 0 ? undefined : repeats,
    'http.response.status_code': status === 0 ? undefined : status,
    'error.type': errorType(status, 400, failure),
  }
}

function methodAttributes(method: string): Attributes {
  if (knownMethods.has(method)) return { 'http.request.method': method }
  return { 'http.request.method': '_OTHER', 'http.request.method_original': short(method) }
}

function errorType(status: number, from: number, failure: string | undefined): string | undefined {
  return failure ?? (status >= from ? `${status}` : undefined)
}

/** A backend can send anything here. */
function grpcCode(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,2}$/u.test(text) ? Number(text) : undefined
}

function hostAndPort({ authority, scheme }: RequestHead): readonly [string, number] {
  const [, host = authority, port] = /^(.*?)(?::(\d{1,5}))?$/u.exec(authority) ?? []
  return [host, port === undefined ? (scheme === 'https' ? 443 : 80) : Number(port)]
}

function short(text: string): string
function short(text: string | undefined): string | undefined
function short(text: string | undefined): string | undefined {
  return text === undefined || text.length <= maxText ? text : text.slice(0, maxText)
}
