import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parsePort } from '@tulle/mesh'
import type { LoadBalancing, Service, ServicePort } from '@tulle/mesh'
import type { NetworkAddressMessage, PortMessage, ServiceMessage } from '@tulle/proto'
import type { AddressEntry } from './address-names.ts'
import { decodeGateway, decodeOptionalGateway } from './decode-gateway.ts'
import { decodeEnum, decodeList, decodeRange } from './decode-parts.ts'
import {
  appProtocolNames,
  balanceHealthNames,
  balanceModeNames,
  ipFamilyNames,
  scopeNames,
  visibilityNames,
} from './enum-names.ts'

type ServiceAddress = Service['addresses'][number]
type WeightedWaypoint = Service['weightedWaypoints'][number]

export function decodeService(message: ServiceMessage): Result<AddressEntry> {
  if (message.hostname === '') return err('hostname is empty')
  const addresses = decodeList(message.addresses, 'addresses', decodeServiceAddress)
  if (!addresses.ok) return addresses
  const ports = decodeList(message.ports, 'ports', decodeServicePort)
  if (!ports.ok) return ports
  const ipFamilies = decodeEnum(ipFamilyNames, message.ipFamilies, 'ip_families')
  if (!ipFamilies.ok) return ipFamilies
  const visibility = decodeEnum(visibilityNames, message.visibility, 'visibility')
  if (!visibility.ok) return visibility
  const waypoints = decodeWaypoints(message)
  if (!waypoints.ok) return waypoints
  const loadBalancing = decodeLoadBalancing(message.loadBalancing)
  if (!loadBalancing.ok) return loadBalancing
  const service: Service = {
    name: message.name,
    namespace: message.namespace,
    hostname: message.hostname,
    addresses: addresses.value,
    ports: ports.value,
    subjectAltNames: message.subjectAltNames,
    ipFamilies: ipFamilies.value,
    canonical: message.canonical,
    visibility: visibility.value,
    ingressUseWaypoint: message.ingressUseWaypoint,
    ...waypoints.value,
    ...(loadBalancing.value === undefined ? {} : { loadBalancing: loadBalancing.value }),
  }
  return ok({ kind: 'service', service })
}

/** `length` is optional on the wire: absent is one address, 0 is the range of all. */
function decodeServiceAddress(message: NetworkAddressMessage): Result<ServiceAddress> {
  const { network, length } = message
  const range = decodeRange(message.address, length ?? message.address.length * 8)
  if (!range.ok) return range
  const { address, prefixBits } = range.value
  return ok(length === undefined ? { network, address } : { network, address, prefixBits })
}

/** A target port of 0 is a named port: each endpoint's own map says. */
function decodeServicePort(message: PortMessage): Result<ServicePort> {
  const servicePort = parsePort(message.servicePort)
  if (!servicePort.ok) return err(`service_port: ${servicePort.error}`)
  const targetPort = message.targetPort === 0 ? ok(0) : parsePort(message.targetPort)
  if (!targetPort.ok) return err(`target_port: ${targetPort.error}`)
  const appProtocol = decodeEnum(appProtocolNames, message.appProtocol, 'app_protocol')
  if (!appProtocol.ok) return appProtocol
  return ok({
    servicePort: servicePort.value,
    targetPort: targetPort.value,
    appProtocol: appProtocol.value,
  })
}

function decodeWaypoints(message: ServiceMessage): Result<Pick<Service, 'waypoint' | 'weightedWaypoints'>> {
  const waypoint = decodeOptionalGateway(message.waypoint, 'waypoint')
  if (!waypoint.ok) return waypoint
  const weighted = decodeList(message.weightedWaypoints, 'weighted_waypoints', decodeWeightedWaypoint)
  if (!weighted.ok) return weighted
  return ok({
    weightedWaypoints: weighted.value,
    ...(waypoint.value === undefined ? {} : { waypoint: waypoint.value }),
  })
}

function decodeWeightedWaypoint(
  message: ServiceMessage['weightedWaypoints'][number],
): Result<WeightedWaypoint> {
  if (message.destination === undefined) return err('destination is missing')
  const destination = decodeGateway(message.destination)
  return destination.ok ? ok({ destination: destination.value, weight: message.weight }) : destination
}

function decodeLoadBalancing(message: ServiceMessage['loadBalancing']): Result<LoadBalancing | undefined> {
  if (message === undefined) return ok(undefined)
  const preference = decodeList(message.routingPreference, 'routing_preference', (scope) =>
    decodeEnum(scopeNames, scope, 'routing_preference'),
  )
  if (!preference.ok) return preference
  const mode = decodeEnum(balanceModeNames, message.mode, 'load_balancing.mode')
  if (!mode.ok) return mode
  const health = decodeEnum(balanceHealthNames, message.healthPolicy, 'load_balancing.health_policy')
  if (!health.ok) return health
  return ok({ preference: preference.value, mode: mode.value, health: health.value })
}
