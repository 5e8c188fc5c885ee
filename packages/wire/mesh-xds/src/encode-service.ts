import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { ipToBytes } from '@tulle/mesh'
import type { GatewayAddress, NetworkAddress, Service } from '@tulle/mesh'
import { AddressSchema } from '@tulle/proto'
import type { GatewayAddressSchema, ServiceSchema } from '@tulle/proto'
import {
  appProtocolNames,
  balanceHealthNames,
  balanceModeNames,
  ipFamilyNames,
  scopeNames,
  visibilityNames,
} from './enum-names.ts'

/** The bytes of an `istio.workload.Address`: equal services give equal bytes. */
export function encodeService(service: Service): Uint8Array {
  const value = serviceMessage(service)
  return toBinary(AddressSchema, create(AddressSchema, { type: { case: 'service', value } }))
}

type Init<T extends Parameters<typeof create>[0]> = Exclude<
  MessageInitShape<T>,
  { readonly $typeName: string }
>

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
