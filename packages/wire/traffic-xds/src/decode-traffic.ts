import { fromBinary } from '@bufbuild/protobuf'
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { decodeEnum, decodeList } from '@tulle/mesh-xds'
import { ServiceTrafficSchema } from '@tulle/proto'
import type {
  HttpRoutesMessage,
  HttpRuleMessage,
  PortTrafficMessage,
  ResilienceMessage,
  RoutesMessage,
  ServiceTrafficMessage,
  TcpRoutesMessage,
  TlsRoutesMessage,
} from '@tulle/proto'
import type { HttpEntry, HttpRule, PortTraffic, Resilience, Routes, ServiceTraffic } from '@tulle/traffic'
import { decodeFilter, decodeOrigin, decodeWeighted } from './decode-backend.ts'
import { decodeMatch } from './decode-match.ts'
import { decodeOneOf } from './decode-one-of.ts'
import { decodeResilience, decodeSession, retryOf } from './decode-resilience.ts'
import { protocolNames } from './enum-names.ts'
import { decodeUpstreamTls } from './upstream-tls.ts'

/**
 * The traffic of one service from its bytes. Unknown fields are ignored; an unknown kind or value refuses the object, and
 * the one before it stays in force.
 */
export function decodeServiceTraffic(bytes: Uint8Array): Result<ServiceTraffic> {
  let message: ServiceTrafficMessage
  try {
    message = fromBinary(ServiceTrafficSchema, bytes)
  } catch (error) {
    return err(`not a ServiceTraffic: ${errorText(error)}`)
  }
  if (message.service === '') return err('service is empty')
  const ports = decodeList(message.ports, 'ports', decodePort)
  if (!ports.ok) return ports
  const tls = decodeList(message.upstreamTls, 'upstream_tls', decodeUpstreamTls)
  if (!tls.ok) return tls
  const parts = {
    service: message.service,
    ports: ports.value,
    ...(tls.value.length === 0 ? {} : { upstreamTls: tls.value }),
  }
  return withResilience(parts, message.resilience)
}

/** What is attached to a service, a port or a rule. */
function withResilience<T extends object>(
  what: T,
  message: ResilienceMessage | undefined,
): Result<T & { readonly resilience?: Resilience }> {
  if (message === undefined) return ok(what)
  const resilience = decodeResilience(message)
  return resilience.ok ? ok({ ...what, resilience: resilience.value }) : resilience
}

function decodePort(message: PortTrafficMessage): Result<PortTraffic> {
  const { port, protocol, producer, consumers } = message
  if (port === 0 || port > 65_535) return err(`port ${port}`)
  const name = decodeEnum(protocolNames, protocol, 'protocol')
  if (!name.ok) return name
  const byNamespace = decodeList(consumers, 'consumers', ({ namespace, routes }) => {
    const decoded = decodeRoutes(routes)
    return decoded.ok ? ok([namespace, decoded.value] as const) : decoded
  })
  if (!byNamespace.ok) return byNamespace
  const parts = withResilience(
    { port, protocol: name.value, consumers: new Map(byNamespace.value) },
    message.resilience,
  )
  if (!parts.ok || producer === undefined) return parts
  const routes = decodeRoutes(producer)
  return routes.ok ? ok({ ...parts.value, producer: routes.value }) : routes
}

function decodeRoutes(message: RoutesMessage | undefined): Result<Routes> {
  switch (message?.kind.case) {
    case 'http':
      return decodeHttpRoutes(message.kind.value)
    case 'tcp':
      return decodeTcpRoutes(message.kind.value)
    case 'tls':
      return decodeTlsRoutes(message.kind.value)
    case undefined:
      return err('routes of no known kind')
  }
}

function decodeHttpRoutes(message: HttpRoutesMessage): Result<Routes> {
  const rules = decodeList(message.rules, 'rules', decodeRule)
  if (!rules.ok) return rules
  const entries = decodeList(message.entries, 'entries', ({ match, rule }): Result<HttpEntry> => {
    const known = rules.value[rule]
    if (known === undefined) return err(`there is no rule ${rule}`)
    if (match === undefined) return err('an entry without a match')
    const decoded = decodeMatch(match)
    return decoded.ok ? ok({ match: decoded.value, rule: known }) : decoded
  })
  return entries.ok ? ok({ kind: 'http', entries: entries.value }) : entries
}

function decodeTcpRoutes({ origin, backends }: TcpRoutesMessage): Result<Routes> {
  const from = decodeOrigin(origin)
  if (!from.ok) return from
  const list = decodeList(backends, 'backends', decodeWeighted)
  return list.ok ? ok({ kind: 'tcp', origin: from.value, backends: list.value }) : list
}

function decodeTlsRoutes(message: TlsRoutesMessage): Result<Routes> {
  const entries = decodeList(message.entries, 'entries', ({ hostnames, origin, backends }) => {
    const from = decodeOrigin(origin)
    if (!from.ok) return from
    const list = decodeList(backends, 'backends', decodeWeighted)
    return list.ok ? ok({ hostnames, origin: from.value, backends: list.value }) : list
  })
  return entries.ok ? ok({ kind: 'tls', entries: entries.value }) : entries
}

function decodeRule(message: HttpRuleMessage): Result<HttpRule> {
  const origin = decodeOrigin(message.origin)
  if (!origin.ok) return origin
  const filters = decodeList(message.filters, 'filters', decodeFilter)
  if (!filters.ok) return filters
  const backends = decodeList(message.backends, 'backends', decodeWeighted)
  if (!backends.ok) return backends
  const status = decodeOneOf([404, 500, 503] as const, message.noBackendStatus, 'no_backend_status')
  if (!status.ok) return status
  const session = decodeSession(message.session)
  if (!session.ok) return session
  const { requestTimeoutMs, attemptTimeoutMs, retry } = message
  const parts = {
    origin: origin.value,
    filters: filters.value,
    backends: backends.value,
    noBackendStatus: status.value,
    requestTimeoutMs,
    attemptTimeoutMs,
    ...(retry === undefined ? {} : { retry: retryOf(retry) }),
    ...session.value,
  }
  return withResilience(parts, message.resilience)
}
