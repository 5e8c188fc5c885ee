import { create, toBinary } from '@bufbuild/protobuf'
import { compareText, unreachable } from '@tulle/core'
import { ServiceTrafficSchema } from '@tulle/proto'
import type { HttpRoutes, HttpRule, PortTraffic, Routes, ServiceTraffic } from '@tulle/traffic'
import { originMessage, filterMessage, weightedBackendMessage } from './encode-backend.ts'
import { matchMessage } from './encode-match.ts'
import { resilienceMessage, retryMessage, sessionMessage } from './encode-resilience.ts'
import { protocolNames } from './enum-names.ts'
import { upstreamTlsMessage } from './upstream-tls.ts'
import type { HttpRoutesInit, PortInit, RoutesInit, RuleInit } from './message-init.ts'

/** The bytes of a `tulle.traffic.v1.ServiceTraffic`: equal traffic gives equal bytes. */
export function encodeServiceTraffic(traffic: ServiceTraffic): Uint8Array {
  const { service, ports, resilience, upstreamTls = [] } = traffic
  const message = create(ServiceTrafficSchema, {
    service,
    ports: ports.map(portMessage),
    upstreamTls: upstreamTls.map(upstreamTlsMessage),
    ...(resilience === undefined ? {} : { resilience: resilienceMessage(resilience) }),
  })
  return toBinary(ServiceTrafficSchema, message)
}

function portMessage({ port, protocol, producer, consumers, resilience }: PortTraffic): PortInit {
  return {
    port,
    protocol: protocolNames.numberOf[protocol],
    ...(producer === undefined ? {} : { producer: routesMessage(producer) }),
    consumers: [...consumers]
      .toSorted(([a], [b]) => compareText(a, b))
      .map(([namespace, routes]) => ({ namespace, routes: routesMessage(routes) })),
    ...(resilience === undefined ? {} : { resilience: resilienceMessage(resilience) }),
  }
}

function routesMessage(routes: Routes): RoutesInit {
  switch (routes.kind) {
    case 'http':
      return { kind: { case: 'http', value: httpRoutesMessage(routes) } }
    case 'tcp': {
      const { origin, backends } = routes
      return {
        kind: {
          case: 'tcp',
          value: { origin: originMessage(origin), backends: backends.map(weightedBackendMessage) },
        },
      }
    }
    case 'tls': {
      const entries = routes.entries.map(({ hostnames, origin, backends }) => ({
        hostnames: [...hostnames],
        origin: originMessage(origin),
        backends: backends.map(weightedBackendMessage),
      }))
      return { kind: { case: 'tls', value: { entries } } }
    }
    default:
      return unreachable(routes)
  }
}

/** A rule that several entries lead to travels once. */
function httpRoutesMessage({ entries }: HttpRoutes): HttpRoutesInit {
  const places = new Map<HttpRule, number>()
  for (const { rule } of entries) if (!places.has(rule)) places.set(rule, places.size)
  return {
    rules: [...places.keys()].map(ruleMessage),
    entries: entries.map(({ match, rule }) => ({ match: matchMessage(match), rule: places.get(rule) ?? 0 })),
  }
}

function ruleMessage(rule: HttpRule): RuleInit {
  const { retry, session, resilience } = rule
  return {
    origin: originMessage(rule.origin),
    filters: rule.filters.map(filterMessage),
    backends: rule.backends.map(weightedBackendMessage),
    noBackendStatus: rule.noBackendStatus,
    requestTimeoutMs: rule.requestTimeoutMs,
    attemptTimeoutMs: rule.attemptTimeoutMs,
    ...(retry === undefined ? {} : { retry: retryMessage(retry) }),
    ...(session === undefined ? {} : { session: sessionMessage(session) }),
    ...(resilience === undefined ? {} : { resilience: resilienceMessage(resilience) }),
  }
}
