import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { compareText } from '@tulle/core'
import { defaultTrustDomain } from '@tulle/identity'
import { ipToBytes } from '@tulle/mesh'
import type { GatewayAddress, NetworkAddress, PortMapping, Service, Workload } from '@tulle/mesh'
import { AddressSchema } from '@tulle/proto'
import type {
  ApplicationTunnelProtocol,
  GatewayAddressSchema,
  ServiceSchema,
  WorkloadSchema,
} from '@tulle/proto'
import {
  appProtocolNames,
  applicationTunnelNames,
  balanceHealthNames,
  balanceModeNames,
  healthNames,
  ipFamilyNames,
  networkModeNames,
  scopeNames,
  tunnelNames,
  visibilityNames,
  workloadTypeNames,
} from './enum-names.ts'

/** The bytes of an `istio.workload.Address`: equal workloads give equal bytes. */
export function encodeWorkload(workload: Workload): Uint8Array {
  const value = workloadMessage(workload)
  return toBinary(AddressSchema, create(AddressSchema, { type: { case: 'workload', value } }))
}

/** The bytes of an `istio.workload.Address`: equal services give equal bytes. */
export function encodeService(service: Service): Uint8Array {
  const value = serviceMessage(service)
  return toBinary(AddressSchema, create(AddressSchema, { type: { case: 'service', value } }))
}

type Init<T extends Parameters<typeof create>[0]> = Exclude<
  MessageInitShape<T>,
  { readonly $typeName: string }
>

function workloadMessage(workload: Workload): Init<typeof WorkloadSchema> {
  return {
    uid: workload.uid,
    name: workload.name,
    namespace: workload.namespace,
    serviceAccount: workload.serviceAccount,
    // Istio's control plane leaves its default out too.
    trustDomain: workload.trustDomain === defaultTrustDomain ? '' : workload.trustDomain,
    addresses: workload.addresses.map(ipToBytes),
    network: workload.network,
    tunnelProtocol: tunnelNames.numberOf[workload.tunnel],
    node: workload.node,
    canonicalName: workload.canonicalName,
    canonicalRevision: workload.canonicalRevision,
    workloadType: workloadTypeNames.numberOf[workload.workloadType],
    workloadName: workload.workloadName,
    nativeTunnel: workload.nativeTunnel,
    authorizationPolicies: [...workload.policies],
    status: healthNames.numberOf[workload.health],
    clusterId: workload.kubeCluster,
    hostname: workload.hostname,
    services: portLists(workload.services),
    networkMode: networkModeNames.numberOf[workload.hostNetwork ? 'host' : 'standard'],
    // A wrapper: absent is 1, and 0 is not absent.
    ...(workload.capacity === 1 ? {} : { capacity: workload.capacity }),
    ...(workload.waypoint === undefined ? {} : { waypoint: gatewayMessage(workload.waypoint) }),
    ...(workload.networkGateway === undefined
      ? {}
      : { networkGateway: gatewayMessage(workload.networkGateway) }),
    ...(workload.locality === undefined ? {} : { locality: { ...workload.locality } }),
    ...(workload.applicationTunnel === undefined
      ? {}
      : { applicationTunnel: tunnelMessage(workload.applicationTunnel) }),
  }
}

/** In key order, so that the bytes do not depend on the order in which a map was filled. */
function portLists(
  services: ReadonlyMap<string, readonly PortMapping[]>,
): Record<string, { ports: { servicePort: number; targetPort: number }[] }> {
  const sorted = [...services].toSorted(([a], [b]) => compareText(a, b))
  return Object.fromEntries(
    sorted.map(([key, ports]) => [
      key,
      { ports: ports.map(({ servicePort, targetPort }) => ({ servicePort, targetPort })) },
    ]),
  )
}

function tunnelMessage(tunnel: NonNullable<Workload['applicationTunnel']>): {
  protocol: ApplicationTunnelProtocol
  port: number
} {
  return { protocol: applicationTunnelNames.numberOf[tunnel.protocol], port: tunnel.port }
}

function serviceMessage(service: Service): Init<typeof ServiceSchema> {
  const { loadBalancing, waypoint } = service
  return {
    name: service.name,
    namespace: service.namespace,
    hostname: service.hostname,
    addresses: service.addresses.map(networkAddressMessage),
    ports: service.ports.map(({ servicePort, targetPort, appProtocol }) => ({
      servicePort,
      targetPort,
      appProtocol: appProtocolNames.numberOf[appProtocol],
    })),
    subjectAltNames: [...service.subjectAltNames],
    ipFamilies: ipFamilyNames.numberOf[service.ipFamilies],
    canonical: service.canonical,
    visibility: visibilityNames.numberOf[service.visibility],
    ingressUseWaypoint: service.ingressUseWaypoint,
    weightedWaypoints: service.weightedWaypoints.map(({ destination, weight }) => ({
      destination: gatewayMessage(destination),
      weight,
    })),
    ...(waypoint === undefined ? {} : { waypoint: gatewayMessage(waypoint) }),
    ...(loadBalancing === undefined
      ? {}
      : {
          loadBalancing: {
            routingPreference: loadBalancing.preference.map((scope) => scopeNames.numberOf[scope]),
            mode: balanceModeNames.numberOf[loadBalancing.mode],
            healthPolicy: balanceHealthNames.numberOf[loadBalancing.health],
          },
        }),
  }
}

function gatewayMessage(gateway: GatewayAddress): Init<typeof GatewayAddressSchema> {
  const { destination, hboneMtlsPort } = gateway
  if (destination.kind === 'hostname') {
    const { namespace, hostname } = destination
    return { destination: { case: 'hostname', value: { namespace, hostname } }, hboneMtlsPort }
  }
  return { destination: { case: 'address', value: networkAddressMessage(destination) }, hboneMtlsPort }
}

function networkAddressMessage(address: NetworkAddress & { readonly prefixBits?: number }): {
  network: string
  address: Uint8Array<ArrayBuffer>
  length?: number
} {
  return {
    network: address.network,
    address: Uint8Array.from(ipToBytes(address.address)),
    ...(address.prefixBits === undefined ? {} : { length: address.prefixBits }),
  }
}
