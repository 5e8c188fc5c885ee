import { gatewayGroup } from '@tulle/api'
import type { ApiCollections, ParentRefSpec, ServiceObject, ServicePortSpec } from '@tulle/api'
import type { Look } from '@tulle/collections'
import { appProtocolOf, clusterServiceKey, serviceObjectKey } from '@tulle/workloads'
import type { Note } from '@tulle/workloads'
import type { RouteKind, RouteParent } from './route-types.ts'
import type { RouteObject } from './routes.ts'

/**
 * Which ports of which Services a route is attached to. A Service is known by its own address, so that one without has no
 * routes. @see GEP-1294, Allowed service types
 */
export function resolveParents(
  route: RouteObject,
  look: Look,
  api: Pick<ApiCollections, 'services'>,
): readonly RouteParent[] {
  return route.spec.parentRefs.map((ref, index) => {
    const path = `spec.parentRefs[${index}]`
    const found = resolveParent(ref, { route, look, api })
    const note =
      found.note === undefined
        ? undefined
        : { ...found.note, position: route.positions.get(found.at ?? path) }
    return {
      index,
      label: parentLabel(ref),
      ...(found.attachment === undefined ? {} : { attachment: found.attachment }),
      ...(note === undefined ? {} : { note }),
    }
  })
}

interface Context {
  readonly route: RouteObject
  readonly look: Look
  readonly api: Pick<ApiCollections, 'services'>
}

interface Found extends Pick<RouteParent, 'attachment' | 'note'> {
  readonly at?: string
}

function resolveParent(ref: ParentRefSpec, { route, look, api }: Context): Found {
  if (ref.group !== '' || ref.kind !== 'Service') return otherParent(ref)
  const service = look.one(api.services, serviceObjectKey(ref.namespace, ref.name))
  const label = `Service ${ref.namespace}/${ref.name}`
  if (service === undefined) return refused(`there is no ${label}`)
  if (service.spec.clusterIP === 'None')
    return refused(`${label} is headless: it has no address by which calls to it could be known`)
  const tcp = portsOf(service)
  const named = tcp.filter(
    (port) =>
      (ref.port === undefined || port.port === ref.port) &&
      (ref.sectionName === undefined || port.name === ref.sectionName),
  )
  if (named.length === 0) return refused(`${label} has no TCP port ${partText(ref) || 'at all'}`)
  const fitting = named.filter((port) => carries(route.kind, port))
  const others = named.filter((port) => !carries(route.kind, port))
  const note = unfitNote({ kind: route.kind, label }, fitting, others)
  if (fitting.length === 0) return note === undefined ? {} : { note }
  const { namespace } = route.metadata
  const attachment = {
    service: clusterServiceKey(ref.namespace, ref.name),
    label,
    callers: namespace === ref.namespace ? '' : namespace,
    ports: fitting,
  }
  return note === undefined ? { attachment } : { attachment, note }
}

function otherParent(ref: ParentRefSpec): Found {
  const { group, kind, namespace, name } = ref
  if (group === gatewayGroup && kind === 'Gateway') {
    const message = `Gateway ${namespace}/${name} is another controller's: the mesh attaches routes to Services`
    return { note: { status: 'Unknown', reason: 'NotOfTheMesh', message } }
  }
  const hint =
    group === gatewayGroup && kind === 'Service' ? '; a Service is in the core group: write group: ""' : ''
  const message = `the mesh attaches routes to Services, and ${group === '' ? '' : `${group}/`}${kind} ${namespace}/${name} is none${hint}`
  return { note: { status: 'False', reason: 'NoMatchingParent', message } }
}

function refused(message: string): Found {
  return { note: { status: 'False', reason: 'NoMatchingParent', message } }
}

/** The ports that the mesh carries; of two with one number the first. */
export function portsOf(service: ServiceObject): readonly ServicePortSpec[] {
  const tcp = service.spec.ports.filter(({ protocol }) => protocol === 'TCP')
  return tcp.filter(({ port }, i) => tcp.findIndex((other) => other.port === port) === i)
}

/** Whether what a port says of its protocol leaves room for routes of a kind. */
function carries(kind: RouteObject['kind'], port: ServicePortSpec): boolean {
  const protocol = appProtocolOf(port)
  if (kind === 'HTTPRoute' || kind === 'GRPCRoute') return protocol !== 'tcp' && protocol !== 'tls'
  if (kind === 'TLSRoute') return protocol === 'tls' || protocol === 'unknown'
  return true
}

function unfitNote(
  { kind, label }: { readonly kind: RouteKind; readonly label: string },
  fitting: readonly ServicePortSpec[],
  others: readonly ServicePortSpec[],
): Note | undefined {
  if (others.length === 0) return undefined
  const said = others.map(portText).join(', ')
  const message = `${label}: ${said} carries nothing that ${aKind(kind)} could read`
  if (fitting.length === 0) return { status: 'False', reason: 'UnsupportedProtocol', message }
  return { reason: 'UnsupportedProtocol', message: `${message}; the other ports have the route` }
}

/** `port 5432 (tcp-db, declared as tcp)`. */
export function portText(port: ServicePortSpec): string {
  const declared = `declared as ${appProtocolOf(port)}`
  return `port ${port.port} (${port.name === undefined ? declared : `${port.name}, ${declared}`})`
}

export function aKind(kind: RouteKind): string {
  return kind === 'HTTPRoute' ? `an ${kind}` : `a ${kind}`
}

function parentLabel(ref: ParentRefSpec): string {
  const part = partText(ref)
  return `${ref.kind} ${ref.namespace}/${ref.name}${part === '' ? '' : ` port ${part}`}`
}

function partText({ port, sectionName }: ParentRefSpec): string {
  return [sectionName, port === undefined ? undefined : String(port)]
    .filter((part) => part !== undefined)
    .join(' ')
}
