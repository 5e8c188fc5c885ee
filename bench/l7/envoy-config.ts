/** Envoy's configuration for one HTTP/1.1 route behind one rule, as objects; JSON is YAML, so Envoy reads them as they are. */

interface Address {
  readonly ip: string
  readonly port: number
}

type Config = Readonly<Record<string, unknown>>

const type = (name: string): Config => ({ '@type': `type.googleapis.com/envoy.${name}` })
const address = ({ ip, port }: Address): Config => ({ socket_address: { address: ip, port_value: port } })

/** Admits requests with that method, and sends them to one backend. Metrics are on, as they come; there is no access log. */
export function envoyConfig(listen: Address, backend: Address, method: string): Config {
  const isMethod = { header: { name: ':method', string_match: { exact: method } } }
  const policies = { reads: { permissions: [isMethod], principals: [{ any: true }] } }
  const route = { match: { prefix: '/' }, route: { cluster: 'back', timeout: '0s' } }
  const manager = {
    ...type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'front',
    codec_type: 'HTTP1',
    http_filters: [
      {
        name: 'rbac',
        typed_config: {
          ...type('extensions.filters.http.rbac.v3.RBAC'),
          rules: { action: 'ALLOW', policies },
        },
      },
      { name: 'router', typed_config: type('extensions.filters.http.router.v3.Router') },
    ],
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
  }
  const endpoint = { endpoint: { address: address(backend) } }
  const listener = {
    name: 'front',
    address: address(listen),
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  }
  const cluster = {
    name: 'back',
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: { cluster_name: 'back', endpoints: [{ lb_endpoints: [endpoint] }] },
  }
  return { static_resources: { listeners: [listener], clusters: [cluster] } }
}
