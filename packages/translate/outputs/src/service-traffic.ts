import type { ApiCollections, ServicePortSpec } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import { compareText } from '@tulle/core'
import type { PortRoutes, ServiceResilience, ServiceRoutes, TlsByPort } from '@tulle/gateway-api'
import type { AppProtocol } from '@tulle/mesh'
import type { SplitPort, TakenPorts } from '@tulle/smi'
import { backendsOf } from '@tulle/traffic'
import type {
  PortProtocol,
  PortTraffic,
  Resilience,
  Routes,
  ServiceTraffic,
  UpstreamTls,
} from '@tulle/traffic'
import { appProtocolOf, clusterServiceKey } from '@tulle/workloads'

/** Everything that says what happens on the way to a service; each keyed by `serviceKey`. */
export interface TrafficInputs {
  readonly serviceRoutes: Collection<ServiceRoutes>
  readonly serviceSplits: Collection<readonly SplitPort[]>
  readonly resilience: Collection<ServiceResilience>
  readonly backendTls: Collection<TlsByPort>
}

/** Ports on which routes of the Gateway API decide for every caller: a split has no say there. */
export function deriveTakenPorts(graph: Graph, serviceRoutes: Collection<ServiceRoutes>): TakenPorts {
  return graph.derive('ports-with-producer-routes', serviceRoutes, ({ ports }) => {
    const taken = ports.flatMap(({ port, producer }) =>
      producer === undefined ? [] : [[port, producer.from.join(' and ')] as const],
    )
    return taken.length === 0 ? undefined : new Map(taken)
  })
}

/**
 * Who decides on each port of each service, keyed by `serviceKey`: routes of the service's own namespace, else its split,
 * for everybody; routes of a caller's namespace instead of both for that caller. Services of which nobody wrote have none.
 */
export function deriveServiceTraffic(
  graph: Graph,
  api: Pick<ApiCollections, 'services'>,
  inputs: TrafficInputs,
): Collection<ServiceTraffic> {
  return graph.deriveMany('service-traffic', api.services, ({ metadata, spec }, look) => {
    const service = clusterServiceKey(metadata.namespace, metadata.name)
    const routes = look.one(inputs.serviceRoutes, service)?.ports ?? []
    const splits = look.one(inputs.serviceSplits, service) ?? []
    const resilience = look.one(inputs.resilience, service)
    const tls = look.one(inputs.backendTls, service)
    if (routes.length === 0 && splits.length === 0 && resilience === undefined && tls === undefined) return []
    const tcp = spec.ports.filter(({ protocol }) => protocol === 'TCP')
    const ports = tcp
      .filter(({ port }, i) => tcp.findIndex((other) => other.port === port) === i)
      .map((port) => portTraffic(port, { routes, splits, tls }))
      .map((port) => withResilience(port, resilience?.ports.get(port.port)))
    const upstreamTls = upstreamTlsOf(service, ports, (key) => look.one(inputs.backendTls, key))
    const traffic = { service, ports, ...(upstreamTls.length === 0 ? {} : { upstreamTls }) }
    return [[service, withResilience(traffic, resilience?.whole)]]
  })
}

function withResilience<T extends ServiceTraffic | PortTraffic>(
  what: T,
  resilience: Resilience | undefined,
): T {
  return resilience === undefined ? what : { ...what, resilience }
}

/** Of the service's own ports, and of all that its routes and splits lead to. */
function upstreamTlsOf(
  service: string,
  ports: readonly PortTraffic[],
  tlsOf: (service: string) => TlsByPort | undefined,
): readonly UpstreamTls[] {
  const reached = ports.flatMap(({ port, producer, consumers }) => [
    { service, port },
    ...[...(producer === undefined ? [] : [producer]), ...consumers.values()]
      .flatMap(backendsOf)
      .flatMap((backend) => (backend.kind === 'service' ? [backend] : [])),
  ])
  const found = new Map<string, UpstreamTls>()
  for (const to of reached) {
    const tls = tlsOf(to.service)?.get(to.port)
    if (tls === undefined) continue
    const { terms } = tls
    const { port } = to
    found.set(`${to.service}:${port}`, {
      service: to.service,
      port,
      ...(terms === undefined ? {} : { terms }),
    })
  }
  return [...found].toSorted(([a], [b]) => compareText(a, b)).map(([, tls]) => tls)
}

function portTraffic(
  spec: ServicePortSpec,
  {
    routes,
    splits,
    tls,
  }: {
    readonly routes: readonly PortRoutes[]
    readonly splits: readonly SplitPort[]
    readonly tls: TlsByPort | undefined
  },
): PortTraffic {
  const own = routes.find(({ port }) => port === spec.port)
  const producer = own?.producer?.routes ?? splits.find(({ port }) => port === spec.port)?.routes
  const consumers = new Map([...(own?.consumers ?? [])].map(([callers, merged]) => [callers, merged.routes]))
  const all = [...(producer === undefined ? [] : [producer]), ...consumers.values()]
  return {
    port: spec.port,
    protocol: protocolOf(spec, all, tls?.has(spec.port) === true),
    consumers,
    ...(producer === undefined ? {} : { producer }),
  }
}

const said: Readonly<Record<Exclude<AppProtocol, 'unknown'>, PortProtocol>> = {
  http11: 'http',
  http2: 'http2',
  grpc: 'http2',
  tcp: 'tcp',
  tls: 'tls',
}

/** What the Service says; else what its routes can't do without; else what the client says first. */
function protocolOf(spec: ServicePortSpec, routes: readonly Routes[], beginsTls: boolean): PortProtocol {
  const protocol = appProtocolOf(spec)
  const [first] = routes
  // "http" says nothing of the version, and gRPC has no other. @see GEP-1911: no appProtocol stands for gRPC
  if (first !== undefined && routes.every(isGrpc)) return 'http2'
  // The port wants TLS, and clients leave it to the waypoint or begin it themselves.
  if (protocol === 'tls' && beginsTls && routes.length === 0) return 'detect'
  if (protocol !== 'unknown') return said[protocol]
  const kinds = new Set(routes.map(({ kind }) => kind))
  if (kinds.size === 1 && first !== undefined && first.kind !== 'http') return first.kind
  return routes.some(isGrpc) ? 'http2' : 'detect'
}

function isGrpc(routes: Routes): boolean {
  return routes.kind === 'http' && routes.entries.some(({ rule }) => rule.origin.kind === 'GRPCRoute')
}
