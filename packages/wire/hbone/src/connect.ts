import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parseTraceparent } from '@tulle/trace-context'
import type { Traceparent } from '@tulle/trace-context'
import { formatAuthority, knownAuthority } from './authority.ts'
import type { Authority } from './authority.ts'
import { knownBaggageOf } from './baggage.ts'
import type { Baggage } from './baggage.ts'
import { encodeForwarded, parseForwarded } from './forwarded.ts'
import type { Forwarded } from './forwarded.ts'

/** What a client says when it opens a tunnel. */
export interface ConnectFields {
  readonly authority: Authority
  /** As `encodeBaggage` made it, once for the workload. */
  readonly baggage?: string
  readonly forwarded?: Forwarded
  /** As `newTraceparent` made it. */
  readonly traceparent?: string
  /** The network that the client is in, said only inside a double tunnel. */
  readonly network?: string
}

/** What a server reads of it. Only the authority decides anything; the rest is for logs and metrics. */
export interface ConnectRequest {
  readonly authority: Authority
  readonly baggage: Baggage
  readonly forwarded: Forwarded | undefined
  readonly traceparent: Traceparent | undefined
  readonly network: string | undefined
}

export interface ConnectRefusal {
  readonly status: 400
  readonly message: string
}

/** Header fields, name and value in turn: a plain CONNECT, without `:scheme` and `:path`. @see RFC 9113 §8.5 */
export function encodeConnect(fields: ConnectFields): string[] {
  const headers = [':method', 'CONNECT', ':authority', formatAuthority(fields.authority)]
  const forwarded = fields.forwarded === undefined ? '' : encodeForwarded(fields.forwarded)
  addHeader(headers, 'baggage', fields.baggage)
  addHeader(headers, 'forwarded', forwarded)
  addHeader(headers, 'traceparent', fields.traceparent)
  addHeader(headers, 'x-forwarded-network', fields.network)
  return headers
}

function addHeader(headers: string[], name: string, value: string | undefined): void {
  if (value !== undefined && value !== '') headers.push(name, value)
}

/**
 * Reads a CONNECT request. Whatever is not a plain CONNECT to an address or host name with a port is a 400; the other
 * fields are optional, and one that is malformed counts as absent.
 */
export function parseConnect(headers: readonly string[]): Result<ConnectRequest, ConnectRefusal> {
  const found: FoundHeaders = { baggage: [] }
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const problem = readHeader(headers[i] ?? '', headers[i + 1] ?? '', found)
    if (problem !== undefined) return refuse(problem)
  }
  if (found.method !== 'CONNECT') return refuse('expected the method CONNECT')
  if (found.authority === undefined) return refuse('expected an :authority')
  const authority = knownAuthority(found.authority)
  if (!authority.ok) return refuse(authority.error)
  return ok({
    authority: authority.value,
    baggage: knownBaggageOf(found.baggage),
    forwarded: found.forwarded === undefined ? undefined : parseForwarded(found.forwarded),
    traceparent: found.traceparent === undefined ? undefined : parseTraceparent(found.traceparent),
    network: found.network,
  })
}

interface FoundHeaders {
  method?: string
  authority?: string
  forwarded?: string
  traceparent?: string
  network?: string
  readonly baggage: string[]
}

const maxNetworkLength = 256

/** Of fields that may come once the first counts; a second `:method` or `:authority` is an error. */
function readHeader(name: string, value: string, found: FoundHeaders): string | undefined {
  switch (name) {
    case ':method':
      if (found.method !== undefined) return 'found two methods'
      found.method = value
      return undefined
    case ':authority':
      if (found.authority !== undefined) return 'found two authorities'
      found.authority = value
      return undefined
    case 'baggage':
      found.baggage.push(value)
      return undefined
    case 'forwarded':
      found.forwarded ??= value
      return undefined
    case 'traceparent':
      found.traceparent ??= value
      return undefined
    case 'x-forwarded-network':
      if (value.length <= maxNetworkLength) found.network ??= value
      return undefined
    default:
      return name.startsWith(':') ? `found ${JSON.stringify(name.slice(0, 40))} in a CONNECT` : undefined
  }
}

function refuse(message: string): Result<ConnectRequest, ConnectRefusal> {
  return err({ status: 400, message })
}
