/** Envoy's configuration for HBONE, as objects; JSON is YAML, so Envoy reads them as they are. */

export interface Endpoint {
  readonly ip: string
  readonly port: number
}

/** PEM text. */
export interface Credentials {
  readonly key: string
  readonly certificate: string
  readonly roots: string
  /** The only identity that the other side may have. */
  readonly peer: string
}

type Config = Readonly<Record<string, unknown>>

const type = (name: string): Config => ({ '@type': `type.googleapis.com/envoy.${name}` })
const address = ({ ip, port }: Endpoint): Config => ({ socket_address: { address: ip, port_value: port } })

/** SPIFFE on both sides, TLS 1.3, ALPN h2. @see design.md §5 */
function tlsContext({ key, certificate, roots, peer }: Credentials): Config {
  return {
    alpn_protocols: ['h2'],
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [
      { certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } },
    ],
    validation_context: {
      trusted_ca: { inline_string: roots },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: peer } }],
    },
  }
}

/** Envoy as the called side: CONNECT on `listen` is opened up, and its bytes go to `application`. */
export function hboneTerminator(options: {
  readonly listen: Endpoint
  readonly application: Endpoint
  /** CONNECT to this authority is answered with 401. */
  readonly refusedAuthority: string
  readonly credentials: Credentials
}): Config {
  const { listen, application, refusedAuthority, credentials } = options
  const connect = { connect_matcher: {} }
  const authority = { name: ':authority', string_match: { exact: refusedAuthority } }
  const manager = {
    ...type('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'hbone',
    codec_type: 'HTTP2',
    http2_protocol_options: { allow_connect: true },
    upgrade_configs: [{ upgrade_type: 'CONNECT' }],
    http_filters: [{ name: 'router', typed_config: type('extensions.filters.http.router.v3.Router') }],
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            { match: { ...connect, headers: [authority] }, direct_response: { status: 401 } },
            {
              match: connect,
              route: {
                cluster: 'application',
                timeout: '0s',
                upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }],
              },
            },
          ],
        },
      ],
    },
  }
  const tls = {
    ...type('extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
    require_client_certificate: true,
    common_tls_context: tlsContext(credentials),
  }
  return bootstrap(
    {
      name: 'hbone',
      address: address(listen),
      filter_chains: [
        {
          transport_socket: { name: 'tls', typed_config: tls },
          filters: [{ name: 'http', typed_config: manager }],
        },
      ],
    },
    { name: 'application', ...staticEndpoint('application', application) },
  )
}

/** Envoy as the calling side: each TCP connection to `listen` becomes a CONNECT to `proxy`. */
export function hboneOriginator(options: {
  readonly listen: Endpoint
  readonly proxy: Endpoint
  readonly authority: string
  readonly baggage: string
  readonly credentials: Credentials
  /** A JSON line for each connection: the headers that the CONNECT was answered with. */
  readonly accessLog: string
}): Config {
  const { listen, proxy, authority, baggage, credentials, accessLog } = options
  const proxyFilter = {
    ...type('extensions.filters.network.tcp_proxy.v3.TcpProxy'),
    stat_prefix: 'hbone',
    cluster: 'proxy',
    max_connect_attempts: 1,
    tunneling_config: {
      hostname: authority,
      headers_to_add: [{ header: { key: 'baggage', value: baggage } }],
      propagate_response_headers: true,
    },
    access_log: [
      {
        name: 'file',
        typed_config: {
          ...type('extensions.access_loggers.file.v3.FileAccessLog'),
          path: accessLog,
          log_format: {
            text_format_source: {
              inline_string: '%FILTER_STATE(envoy.tcp_proxy.propagate_response_headers:TYPED)%\n',
            },
          },
        },
      },
    ],
  }
  const tls = {
    ...type('extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
    common_tls_context: tlsContext(credentials),
  }
  const http = {
    ...type('extensions.upstreams.http.v3.HttpProtocolOptions'),
    explicit_http_config: { http2_protocol_options: { allow_connect: true } },
  }
  return bootstrap(
    {
      name: 'capture',
      address: address(listen),
      filter_chains: [{ filters: [{ name: 'tcp', typed_config: proxyFilter }] }],
    },
    {
      name: 'proxy',
      ...staticEndpoint('proxy', proxy),
      transport_socket: { name: 'tls', typed_config: tls },
      typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http },
    },
  )
}

function bootstrap(listener: Config, cluster: Config): Config {
  return { static_resources: { listeners: [listener], clusters: [cluster] } }
}

function staticEndpoint(name: string, endpoint: Endpoint): Config {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(endpoint) } }] }]
  return { type: 'STATIC', connect_timeout: '5s', load_assignment: { cluster_name: name, endpoints } }
}
