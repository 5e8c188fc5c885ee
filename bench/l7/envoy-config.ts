/** Envoy's configuration as objects; JSON is YAML, so Envoy reads them as they are. */
import { join } from 'node:path'
import { farIp, nearIp } from '../support/two-namespaces.ts'
import { methods, portOf, retry } from './entries.ts'
import type { Entry } from './entries.ts'
import { routeCount, routeExpression } from './load/questions.ts'
import type { ProxySetting } from './proxies.ts'

type Config = Readonly<Record<string, unknown>>

const type = (name: string): Config => ({ '@type': `type.googleapis.com/envoy.${name}` })
const address = (ip: string, port: number): Config => ({ socket_address: { address: ip, port_value: port } })

/** Metrics are on, as they come; there is no access log. */
export function envoyFiles({ folder, firstPort, entries }: ProxySetting): ReadonlyMap<string, string> {
  const config = {
    static_resources: {
      listeners: entries.map((entry) => listener(entry, portOf(entry.name, firstPort))),
      clusters: entries.map(cluster),
    },
  }
  return new Map([[join(folder, 'envoy.json'), JSON.stringify(config)]])
}

function listener({ name, takes, routes, retries }: Entry, port: number): Config {
  const action = { cluster: name, timeout: '0s', ...(retries ? { retry_policy: retryPolicy } : {}) }
  const expressions = Array.from({ length: routeCount }, (_, index) => ({ regex: routeExpression(index) }))
  const matches = routes === 'one' ? [{ prefix: '/' }] : expressions.map((regex) => ({ safe_regex: regex }))
  const manager = {
    ...type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: name,
    codec_type: takes === 'http2' ? 'HTTP2' : 'HTTP1',
    http_filters: [
      { name: 'rbac', typed_config: rbac },
      { name: 'router', typed_config: type('extensions.filters.http.router.v3.Router') },
    ],
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: matches.map((match) => ({ match, route: action })) },
      ],
    },
  }
  return {
    name,
    address: address(nearIp, port),
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  }
}

const rbac = {
  ...type('extensions.filters.http.rbac.v3.RBAC'),
  rules: {
    action: 'ALLOW',
    policies: {
      calls: {
        permissions: methods.map((exact) => ({ header: { name: ':method', string_match: { exact } } })),
        principals: [{ any: true }],
      },
    },
  },
}

const retryPolicy = {
  retry_on: 'connect-failure,reset,retriable-status-codes',
  retriable_status_codes: [retry.status],
  num_retries: retry.attempts,
  retry_back_off: { base_interval: `${retry.backoffMs / 1000}s` },
}

const http2Options = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    ...type('extensions.upstreams.http.v3.HttpProtocolOptions'),
    explicit_http_config: { http2_protocol_options: {} },
  },
}

function cluster({ name, sends, backendPorts }: Entry): Config {
  const endpoints = backendPorts.map((port) => ({ endpoint: { address: address(farIp, port) } }))
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    // As it comes there are three retries at once, and the fourth is refused.
    circuit_breakers: { thresholds: [{ max_retries: 1024 }] },
    ...(sends === 'http2' ? { typed_extension_protocol_options: http2Options } : {}),
  }
}
