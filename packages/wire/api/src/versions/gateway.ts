import { z } from 'zod'
import { defined } from '@tulle/core'
import { gatewayGroup } from '../gateway-kinds.ts'
import type { GatewaySpec } from '../gateway-kinds.ts'
import { formedText, groupName, kindName, upTo, wildcardHostname } from '../gateway-shapes.ts'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { checked, closed, dnsName, nonEmpty, portNumber, quote, textMap, unique } from '../shapes.ts'
import type { Fault } from '../shapes.ts'

const protocol = formedText({
  what: 'a protocol',
  pattern: /^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?|[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9]+)$/u,
  expected: 'a protocol such as HBONE, HTTP or example.com/Own',
  maxLength: 255,
})

// What only a proxy at the edge reads is passed over whole: a waypoint has none of it.
const listener = checked(
  closed({
    name: dnsName,
    hostname: wildcardHostname.optional(),
    port: portNumber,
    protocol,
    tls: z.unknown().optional(),
    allowedRoutes: z.unknown().optional(),
  }),
  function* (value) {
    if (!['HTTP', 'TCP', 'UDP'].includes(value.protocol) || value.tls === undefined) return
    yield {
      code: 'API_BAD_VALUE',
      message: `a listener of protocol ${value.protocol} has none`,
      path: ['tls'],
    }
  },
)

const spec = closed({
  gatewayClassName: dnsName,
  listeners: checked(unique(upTo(listener, 64).min(1), ['name']), sharedPorts),
  addresses: upTo(
    closed({ type: nonEmpty.optional(), value: z.string().max(253).optional() }),
    16,
  ).optional(),
  infrastructure: closed({
    labels: sized(textMap, 8).default({}),
    annotations: sized(textMap, 16).default({}),
    parametersRef: closed({ group: groupName, kind: kindName, name: dnsName }).optional(),
  }).optional(),
  allowedListeners: z.unknown().optional(),
  defaultScope: z.enum(['All', 'None']).optional(),
  tls: z.unknown().optional(),
})

function gateway(version: string): KindVersion {
  return kindVersion({
    group: gatewayGroup,
    version,
    kind: 'Gateway',
    namespaced: true,
    spec,
    toHub: gatewaySpec,
  })
}

export const gatewayV1: KindVersion = gateway('v1')
export const gatewayV1beta1: KindVersion = gateway('v1beta1')

function gatewaySpec(raw: z.output<typeof spec>): GatewaySpec {
  const { labels = {}, annotations = {} } = raw.infrastructure ?? {}
  return {
    gatewayClassName: raw.gatewayClassName,
    listeners: raw.listeners.map(({ name, port, protocol: speaks, hostname }) =>
      defined({ name, port, protocol: speaks, hostname }),
    ),
    infrastructureLabels: labels,
    infrastructureAnnotations: annotations,
  }
}

function sized(
  map: z.ZodType<Record<string, string>>,
  maxEntries: number,
): z.ZodType<Record<string, string>> {
  return checked(map, function* (value) {
    const count = Object.keys(value).length
    if (count > maxEntries)
      yield { code: 'API_TOO_LARGE', message: `found ${count} entries; expected at most ${maxEntries}` }
  })
}

interface RawListener {
  readonly port: number
  readonly protocol: string
  readonly hostname?: string | undefined
}

/** @see GatewaySpec.listeners: two are told apart by port, protocol and hostname */
function* sharedPorts(listeners: readonly RawListener[]): Generator<Fault> {
  for (const [i, one] of listeners.entries()) {
    const before = listeners.findIndex(
      (other) =>
        other.port === one.port && other.protocol === one.protocol && other.hostname === one.hostname,
    )
    if (before === i) continue
    const message = `port ${one.port}, protocol ${quote(one.protocol)} and hostname are those of entry [${before}]`
    yield { code: 'API_DUPLICATE_NAME', message, path: [i] }
  }
}
