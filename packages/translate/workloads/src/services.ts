import type { ApiCollections, ServiceObject, ServicePortSpec } from '@tulle/api'
import type { Collection, Graph, Look } from '@tulle/collections'
import { serviceKey } from '@tulle/mesh'
import type { IpAddress, Service, ServicePort } from '@tulle/mesh'
import { addressConflict } from './address-claims.ts'
import type { AddressClaims } from './address-claims.ts'
import type { Allocations } from './allocations.ts'
import { appProtocolOf } from './app-protocol.ts'
import type { Notes } from './condition-set.ts'
import { serviceAddress } from './object-address.ts'

/** A Service object, read; there is a `service` unless the notes say why not. */
export interface ServiceTranslation {
  readonly service?: Service
  readonly namespace: string
  readonly selector: Readonly<Record<string, string>>
  /** Those that the mesh carries, in the order of the manifest. */
  readonly ports: readonly ServicePortSpec[]
  readonly notes: Notes
}

export interface ServiceInputs {
  readonly allocations: Allocations
  readonly claims: AddressClaims
}

/** Services as read, keyed by `objectKey`. */
export function deriveServiceTranslations(
  graph: Graph,
  api: Pick<ApiCollections, 'services'>,
  inputs: ServiceInputs,
): Collection<ServiceTranslation> {
  return graph.derive('service-translations', api.services, (object, look) =>
    translateService(object, look, inputs),
  )
}

/** The services that take effect, keyed by `serviceKey`. */
export function deriveServices(
  graph: Graph,
  translations: Collection<ServiceTranslation>,
): Collection<Service> {
  return graph.deriveMany('services', translations, ({ service }) =>
    service === undefined ? [] : [[serviceKey(service), service]],
  )
}

export function translateService(
  object: ServiceObject,
  look: Look,
  inputs: ServiceInputs,
): ServiceTranslation {
  const ports = tcpPorts(object)
  const base = { namespace: object.metadata.namespace, selector: object.spec.selector, ports }
  const found = serviceAddress(object, look, inputs.allocations)
  switch (found.kind) {
    case 'waiting':
      return { ...base, notes: { accepted: waiting } }
    case 'invalid': {
      const { message, position } = found
      return {
        ...base,
        notes: { accepted: { status: 'False', reason: 'InvalidAddress', message, position } },
      }
    }
    case 'headless':
      return { ...base, service: buildService(object, ports, []), notes: {} }
    case 'address': {
      const conflict = addressConflict(object, found.address, { look, claims: inputs.claims })
      if (conflict === undefined)
        return { ...base, service: buildService(object, ports, [found.address]), notes: {} }
      return { ...base, notes: { accepted: { ...conflict, status: 'False' }, conflicted: conflict } }
    }
  }
}

const waiting = {
  status: 'Unknown',
  reason: 'WaitingForAddress',
  message: 'no address is allotted yet',
} as const

/** Of two ports with one number the first holds. UDP travels outside of the mesh. */
function tcpPorts(object: ServiceObject): readonly ServicePortSpec[] {
  const tcp = object.spec.ports.filter((port) => port.protocol === 'TCP')
  return tcp.filter((port, i) => tcp.findIndex((other) => other.port === port.port) === i)
}

function buildService(
  object: ServiceObject,
  ports: readonly ServicePortSpec[],
  addresses: readonly IpAddress[],
): Service {
  const { name, namespace } = object.metadata
  const { trafficDistribution } = object.spec
  return {
    name,
    namespace,
    hostname: `${name}.${namespace}.svc.cluster.local`,
    addresses: addresses.map((address) => ({ network: '', address })),
    ports: ports.map(buildPort),
    subjectAltNames: [],
    ipFamilies: 'automatic',
    canonical: false,
    visibility: 'public',
    ingressUseWaypoint: false,
    weightedWaypoints: [],
    ...(trafficDistribution === undefined
      ? {}
      : {
          loadBalancing: {
            preference: scopes[trafficDistribution],
            mode: 'failover',
            health: 'only-healthy',
          },
        }),
  }
}

/** In the order in which they count: one more in common with the caller goes before. */
const scopes = {
  PreferSameZone: ['network', 'region', 'zone'],
  PreferSameNode: ['network', 'region', 'zone', 'subzone', 'node'],
} as const

function buildPort(port: ServicePortSpec): ServicePort {
  const { targetPort = port.port } = port
  return {
    servicePort: port.port,
    targetPort: typeof targetPort === 'number' ? targetPort : 0,
    appProtocol: appProtocolOf(port),
  }
}
