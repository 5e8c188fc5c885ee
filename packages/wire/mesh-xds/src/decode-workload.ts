import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { defaultTrustDomain, parseSpiffeId } from '@tulle/identity'
import type { Identity } from '@tulle/identity'
import { ipFromBytes, parsePort } from '@tulle/mesh'
import type { PortMapping, Workload } from '@tulle/mesh'
import type { PortMessage, WorkloadMessage } from '@tulle/proto'
import type { AddressEntry } from './address-names.ts'
import { decodeOptionalGateway } from './decode-gateway.ts'
import { decodeEnum, decodeList } from './decode-parts.ts'
import {
  applicationTunnelNames,
  healthNames,
  networkModeNames,
  tunnelNames,
  workloadTypeNames,
} from './enum-names.ts'

const defaultServiceAccount = 'default'
const defaultKubeCluster = 'Kubernetes'

export function decodeWorkload(message: WorkloadMessage): Result<AddressEntry> {
  if (message.uid === '') return err('uid is empty')
  const identity = decodeIdentity(message)
  if (!identity.ok) return identity
  const addresses = decodeList(message.addresses, 'addresses', ipFromBytes)
  if (!addresses.ok) return addresses
  const services = decodePortLists(message.services)
  if (!services.ok) return services
  const enums = decodeEnums(message)
  if (!enums.ok) return enums
  const links = decodeLinks(message)
  if (!links.ok) return links
  const workload: Workload = {
    uid: message.uid,
    name: message.name,
    ...identity.value,
    addresses: addresses.value,
    network: message.network,
    node: message.node,
    services: services.value,
    policies: message.authorizationPolicies,
    // A wrapper: absent is 1, and 0 is not absent.
    capacity: message.capacity ?? 1,
    kubeCluster: message.clusterId === '' ? defaultKubeCluster : message.clusterId,
    canonicalName: message.canonicalName,
    canonicalRevision: message.canonicalRevision,
    workloadName: message.workloadName,
    hostname: message.hostname,
    nativeTunnel: message.nativeTunnel,
    ...enums.value,
    ...links.value,
  }
  return ok({ kind: 'workload', workload })
}

/** Checked as the SPIFFE id that it makes, since expected peers are compared with that, as text. */
function decodeIdentity(message: WorkloadMessage): Result<Identity> {
  const trustDomain = message.trustDomain === '' ? defaultTrustDomain : message.trustDomain
  const account = message.serviceAccount === '' ? defaultServiceAccount : message.serviceAccount
  return parseSpiffeId(`spiffe://${trustDomain}/ns/${message.namespace}/sa/${account}`)
}

type Enums = Pick<Workload, 'tunnel' | 'workloadType' | 'health' | 'hostNetwork'>

function decodeEnums(message: WorkloadMessage): Result<Enums> {
  const tunnel = decodeEnum(tunnelNames, message.tunnelProtocol, 'tunnel_protocol')
  if (!tunnel.ok) return tunnel
  const workloadType = decodeEnum(workloadTypeNames, message.workloadType, 'workload_type')
  if (!workloadType.ok) return workloadType
  const health = decodeEnum(healthNames, message.status, 'status')
  if (!health.ok) return health
  const networkMode = decodeEnum(networkModeNames, message.networkMode, 'network_mode')
  if (!networkMode.ok) return networkMode
  return ok({
    tunnel: tunnel.value,
    workloadType: workloadType.value,
    health: health.value,
    hostNetwork: networkMode.value === 'host',
  })
}

function decodePortLists(
  services: WorkloadMessage['services'],
): Result<ReadonlyMap<string, readonly PortMapping[]>> {
  const decoded = new Map<string, readonly PortMapping[]>()
  for (const [key, list] of Object.entries(services)) {
    // No target port: the service's port has a name that this endpoint does not have, so it does not serve it.
    const served = list.ports.filter((port) => port.targetPort !== 0)
    const ports = decodeList(served, `services[${key}]`, decodePortMapping)
    if (!ports.ok) return ports
    decoded.set(key, ports.value)
  }
  return ok(decoded)
}

function decodePortMapping(message: PortMessage): Result<PortMapping> {
  const servicePort = parsePort(message.servicePort)
  if (!servicePort.ok) return servicePort
  const targetPort = parsePort(message.targetPort)
  if (!targetPort.ok) return targetPort
  return ok({ servicePort: servicePort.value, targetPort: targetPort.value })
}

type Links = Pick<Workload, 'waypoint' | 'networkGateway' | 'locality' | 'applicationTunnel'>

function decodeLinks(message: WorkloadMessage): Result<Links> {
  const waypoint = decodeOptionalGateway(message.waypoint, 'waypoint')
  if (!waypoint.ok) return waypoint
  const networkGateway = decodeOptionalGateway(message.networkGateway, 'network_gateway')
  if (!networkGateway.ok) return networkGateway
  const tunnel = decodeTunnel(message.applicationTunnel)
  if (!tunnel.ok) return tunnel
  const { locality } = message
  return ok({
    ...(waypoint.value === undefined ? {} : { waypoint: waypoint.value }),
    ...(networkGateway.value === undefined ? {} : { networkGateway: networkGateway.value }),
    ...(tunnel.value === undefined ? {} : { applicationTunnel: tunnel.value }),
    ...(locality === undefined
      ? {}
      : { locality: { region: locality.region, zone: locality.zone, subzone: locality.subzone } }),
  })
}

function decodeTunnel(
  message: WorkloadMessage['applicationTunnel'],
): Result<Workload['applicationTunnel'] | undefined> {
  if (message === undefined) return ok(undefined)
  const protocol = decodeEnum(applicationTunnelNames, message.protocol, 'application_tunnel.protocol')
  if (!protocol.ok) return protocol
  if (message.port > 65_535) return err(`application_tunnel.port: expected 0–65535, found ${message.port}`)
  return ok({ protocol: protocol.value, port: message.port })
}
