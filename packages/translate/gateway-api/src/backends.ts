import type {
  ApiCollections,
  ObjectRefSpec,
  ReferenceGrantObject,
  ServiceObject,
  ServicePortSpec,
} from '@tulle/api'
import type { Collection, Index, Look } from '@tulle/collections'
import type { Backend } from '@tulle/traffic'
import { appProtocolOf, clusterServiceKey, serviceObjectKey } from '@tulle/workloads'
import type { PortTls, TlsByPort } from './backend-tls.ts'
import { aKind, portsOf, portText } from './parents.ts'
import { problemAt } from './problem-notes.ts'
import type { FieldProblem } from './problem-notes.ts'
import type { RouteObject } from './routes.ts'
import type { PoliciesByTarget } from './traffic-policies.ts'

/** What a route's references are looked up in. */
export interface RefContext {
  readonly route: RouteObject
  readonly look: Look
  readonly api: ApiCollections
  /** By `serviceKey`. */
  readonly backendTls: Collection<TlsByPort>
  /** By namespace. */
  readonly grants: Index<ReferenceGrantObject>
  readonly policies: PoliciesByTarget
}

export interface ResolvedBackend {
  readonly backend: Backend
  readonly problem?: FieldProblem
}

/**
 * The service that a reference names. What does not exist, or can't be used, keeps its share and answers 500. Other
 * namespaces need no ReferenceGrant: routes of a mesh open nothing. @see GEP-1294, Namespace boundaries
 */
export function resolveBackend(ref: ObjectRefSpec, path: string, context: RefContext): ResolvedBackend {
  const found = findPort(ref, context)
  if ('reason' in found) return invalid(context.route, path, found)
  const tls = tlsOf(found, context)
  const fault = protocolFault(context.route.kind, found.port, tls) ?? tlsFault(tls)
  if (fault !== undefined)
    return invalid(context.route, path, { reason: 'UnsupportedProtocol', message: fault })
  return {
    backend: { kind: 'service', service: clusterServiceKey(ref.namespace, ref.name), port: found.port.port },
  }
}

interface Fault {
  readonly reason: 'InvalidKind' | 'BackendNotFound' | 'UnsupportedProtocol'
  readonly message: string
}

interface ServicePort {
  readonly service: ServiceObject
  readonly port: ServicePortSpec
}

function findPort(ref: ObjectRefSpec, { look, api }: RefContext): ServicePort | Fault {
  if (ref.group !== '' || ref.kind !== 'Service') {
    const kind = ref.group === '' ? ref.kind : `${ref.group}/${ref.kind}`
    return { reason: 'InvalidKind', message: `the mesh sends to Services, and ${kind} ${ref.name} is none` }
  }
  const service = look.one(api.services, serviceObjectKey(ref.namespace, ref.name))
  const label = `Service ${ref.namespace}/${ref.name}`
  if (service === undefined) return { reason: 'BackendNotFound', message: `there is no ${label}` }
  const port = portsOf(service).find((one) => one.port === ref.port)
  if (port !== undefined) return { service, port }
  return { reason: 'BackendNotFound', message: `${label} has no TCP port ${ref.port ?? ''}` }
}

/** @see GEP-1911: an appProtocol that a route can't speak makes the backend invalid */
function protocolFault(
  kind: RouteObject['kind'],
  port: ServicePortSpec,
  tls: PortTls | undefined,
): string | undefined {
  if (kind !== 'HTTPRoute' && kind !== 'GRPCRoute') return undefined
  const protocol = appProtocolOf(port)
  // The waypoint begins the TLS that the port wants.
  if (protocol === 'tls' && tls !== undefined) return undefined
  const isWebSocket = kind === 'GRPCRoute' && port.appProtocol === 'kubernetes.io/ws'
  if (protocol !== 'tcp' && protocol !== 'tls' && !isWebSocket) return undefined
  return `${aKind(kind)} can't send to ${isWebSocket ? `port ${port.port} (${port.appProtocol ?? ''})` : portText(port)}`
}

function tlsOf({ service, port }: ServicePort, { look, backendTls }: RefContext): PortTls | undefined {
  const { namespace, name } = service.metadata
  return look.one(backendTls, clusterServiceKey(namespace, name))?.get(port.port)
}

/** @see HTTPBackendRef: a backend under a BackendTLSPolicy that can't be met is invalid */
function tlsFault(tls: PortTls | undefined): string | undefined {
  if (tls === undefined || tls.terms !== undefined) return undefined
  return `${tls.policy} asks for TLS and can't be met: see what is said of it`
}

function invalid(route: RouteObject, path: string, fault: Fault): ResolvedBackend {
  return {
    backend: { kind: 'invalid', status: 500, reason: fault.reason },
    problem: problemAt(route, path, fault),
  }
}
