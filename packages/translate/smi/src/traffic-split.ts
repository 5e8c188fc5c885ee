import type { ApiCollections, ServiceObject, ServicePortSpec, TrafficSplitObject } from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Look } from '@tulle/collections'
import type { WeightedBackend } from '@tulle/traffic'
import { ageOf, appProtocolOf, clusterServiceKey, objectLabel, serviceObjectKey } from '@tulle/workloads'
import { requestSplit, streamSplit } from './split-routes.ts'
import { splitServiceName } from './split-service-name.ts'
import type { SplitPort, SplitTranslation } from './split-types.ts'

type Problem = SplitTranslation['refs'][number]

type SplitCollections = Pick<ApiCollections, 'services' | 'httpRouteGroups'>

/** Reads a split: whom it is for, and what it asks for on each port of that service. */
export function translateSplit(
  split: TrafficSplitObject,
  look: Look,
  api: SplitCollections,
): SplitTranslation {
  const { namespace, generation } = split.metadata
  const base = {
    key: objectKey(split),
    label: objectLabel(split),
    age: ageOf(split),
    ...(generation === undefined ? {} : { generation }),
  }
  const root = findRoot(split, look, api)
  if ('reason' in root) return { ...base, ports: [], refused: root, refs: [], hints: [] }
  const refs: Problem[] = []
  const backends = findBackends(split, look, { api, refs })
  const groups = split.spec.matches?.map(({ name }, i) => {
    const group = look.one(api.httpRouteGroups, `specs.smi-spec.io/HTTPRouteGroup/${namespace}/${name}`)
    if (group === undefined) {
      const message = `there is no HTTPRouteGroup ${namespace}/${name}; it covers nothing`
      refs.push(problemAt(split, `spec.matches[${i}]`, { reason: 'RouteNotFound', message }))
    }
    return group
  })
  const hints: Problem[] = [...weightHints(split)]
  const service = clusterServiceKey(namespace, root.metadata.name)
  const ports = tcpPorts(root).flatMap((port): readonly SplitPort[] => {
    const place = {
      split,
      service,
      port: port.port,
      backends: withPort(backends, port, { split, refs, hints }),
    }
    if (isStream(port) && groups === undefined) return [{ port: port.port, routes: streamSplit(place) }]
    if (!isStream(port)) return [{ port: port.port, routes: requestSplit(place, groups) }]
    const message = `port ${port.port} carries no HTTP, in which to look for matches: it is not split`
    hints.push(problemAt(split, 'spec.matches', { reason: 'MatchesNeedHttp', message }))
    return []
  })
  return { ...base, service, ports, refs, hints }
}

function problemAt(
  split: TrafficSplitObject,
  path: string,
  { reason, message }: { readonly reason: string; readonly message: string },
): Problem {
  return { reason, message: `${path}: ${message}`, position: split.positions.get(path) }
}

function findRoot(split: TrafficSplitObject, look: Look, api: SplitCollections): ServiceObject | Problem {
  const refuse = (reason: string, message: string): Problem =>
    problemAt(split, 'spec.service', { reason, message })
  const { namespace } = split.metadata
  const name = splitServiceName(split.spec.service, namespace)
  if (!name.ok) return refuse('ServiceInOtherNamespace', name.error)
  const root = look.one(api.services, serviceObjectKey(namespace, name.value))
  if (root === undefined) return refuse('ServiceNotFound', `there is no Service ${namespace}/${name.value}`)
  if (root.spec.clusterIP !== 'None') return root
  return refuse(
    'HeadlessService',
    `Service ${namespace}/${name.value} is headless: it has no address by which calls to it could be known`,
  )
}

interface FoundBackend {
  /** Place in `spec.backends`. */
  readonly index: number
  readonly weight: number
  /** Absent where there is none of that name. */
  readonly service?: ServiceObject
}

/** They may be named before they exist, as canaries are. */
function findBackends(
  split: TrafficSplitObject,
  look: Look,
  { api, refs }: { readonly api: SplitCollections; readonly refs: Problem[] },
): readonly FoundBackend[] {
  const { namespace } = split.metadata
  return split.spec.backends.map(({ service: written, weight }, index) => {
    const name = splitServiceName(written, namespace)
    const service = name.ok ? look.one(api.services, serviceObjectKey(namespace, name.value)) : undefined
    if (service !== undefined) return { index, weight, service }
    const message = name.ok ? `there is no Service ${namespace}/${name.value}` : name.error
    refs.push(
      problemAt(split, `spec.backends[${index}].service`, {
        reason: 'BackendNotFound',
        message: `${message}; it has no part`,
      }),
    )
    return { index, weight }
  })
}

interface Notebook {
  readonly split: TrafficSplitObject
  readonly refs: Problem[]
  readonly hints: Problem[]
}

/** Backends that lack the port drop out for it, and the weights are relative to the rest (§9.7). */
function withPort(
  backends: readonly FoundBackend[],
  { port }: ServicePortSpec,
  { split, refs, hints }: Notebook,
): readonly WeightedBackend[] {
  const usable = backends.flatMap(({ index, weight, service }): readonly WeightedBackend[] => {
    if (service === undefined) return []
    const { namespace, name } = service.metadata
    if (tcpPorts(service).some((one) => one.port === port)) {
      const backend = { kind: 'service', service: clusterServiceKey(namespace, name), port } as const
      return [{ backend, weight, filters: [] }]
    }
    const message = `Service ${namespace}/${name} has no TCP port ${port}; it has no part there`
    refs.push(problemAt(split, `spec.backends[${index}].service`, { reason: 'PortNotFound', message }))
    return []
  })
  if (usable.length === 0) {
    const message = `no backend has port ${port}: requests to it are answered with 503`
    hints.push(problemAt(split, 'spec.backends', { reason: 'NoBackend', message }))
  }
  return usable
}

function weightHints(split: TrafficSplitObject): readonly Problem[] {
  if (split.spec.backends.some(({ weight }) => weight > 0)) return []
  const message = 'all weights are 0: requests are answered with 503'
  return [problemAt(split, 'spec.backends', { reason: 'NoWeight', message })]
}

function isStream(port: ServicePortSpec): boolean {
  const protocol = appProtocolOf(port)
  return protocol === 'tcp' || protocol === 'tls'
}

function tcpPorts(service: ServiceObject): readonly ServicePortSpec[] {
  return service.spec.ports.filter(
    ({ protocol, port }, i, all) =>
      protocol === 'TCP' && all.findIndex((other) => other.protocol === 'TCP' && other.port === port) === i,
  )
}
