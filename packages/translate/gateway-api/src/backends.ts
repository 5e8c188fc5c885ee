import type {
  ApiCollections,
  BackendTlsPolicyObject,
  ObjectRefSpec,
  ReferenceGrantObject,
  ServiceObject,
  ServicePortSpec,
} from '@tulle/api'
import type { Index, Look } from '@tulle/collections'
import type { Backend } from '@tulle/traffic'
import { appProtocolOf, clusterServiceKey, objectLabel, serviceObjectKey } from '@tulle/workloads'
import { aKind, portsOf, portText } from './parents.ts'
import { problemAt } from './problem-notes.ts'
import type { FieldProblem } from './problem-notes.ts'
import type { RouteObject } from './routes.ts'

/** What a route's references are looked up in. */
export interface RefContext {
  readonly route: RouteObject
  readonly look: Look
  readonly api: ApiCollections
  /** By `serviceObjectKey`. */
  readonly tlsPolicies: Index<BackendTlsPolicyObject>
  /** By namespace. */
  readonly grants: Index<ReferenceGrantObject>
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
  const fault = protocolFault(context.route.kind, found.port) ?? tlsFault(found, context)
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
function protocolFault(kind: RouteObject['kind'], port: ServicePortSpec): string | undefined {
  if (kind !== 'HTTPRoute' && kind !== 'GRPCRoute') return undefined
  const protocol = appProtocolOf(port)
  const isWebSocket = kind === 'GRPCRoute' && port.appProtocol === 'kubernetes.io/ws'
  if (protocol !== 'tcp' && protocol !== 'tls' && !isWebSocket) return undefined
  return `${aKind(kind)} can't send to ${isWebSocket ? `port ${port.port} (${port.appProtocol ?? ''})` : portText(port)}`
}

/** @see HTTPBackendRef: a backend under a BackendTLSPolicy that can't be met is invalid */
function tlsFault({ service, port }: ServicePort, { look, tlsPolicies }: RefContext): string | undefined {
  const { namespace, name } = service.metadata
  const policy = look
    .by(tlsPolicies, serviceObjectKey(namespace, name))
    .find(({ spec }) =>
      spec.targetRefs.some(
        (ref) => ref.name === name && (ref.sectionName === undefined || ref.sectionName === port.name),
      ),
    )
  if (policy === undefined) return undefined
  return `${objectLabel(policy)} asks for TLS of its own, which the mesh does not begin`
}

function invalid(route: RouteObject, path: string, fault: Fault): ResolvedBackend {
  return {
    backend: { kind: 'invalid', status: 500, reason: fault.reason },
    problem: problemAt(route, path, fault),
  }
}
