import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { ipFromBytes, parsePort } from '@tulle/mesh'
import type { GatewayAddress, NetworkAddress } from '@tulle/mesh'
import type { GatewayAddressMessage, NetworkAddressMessage } from '@tulle/proto'

/** A waypoint or network gateway. Half of one is an error: traffic must not go around a waypoint that is named. */
export function decodeGateway(message: GatewayAddressMessage): Result<GatewayAddress> {
  const port = parsePort(message.hboneMtlsPort)
  if (!port.ok) return err(`hbone_mtls_port: ${port.error}`)
  const { destination } = message
  switch (destination.case) {
    case 'hostname': {
      const { namespace, hostname } = destination.value
      if (hostname === '') return err('hostname is empty')
      return ok({ destination: { kind: 'hostname', namespace, hostname }, hboneMtlsPort: port.value })
    }
    case 'address': {
      const address = decodeNetworkAddress(destination.value)
      if (!address.ok) return address
      return ok({ destination: { kind: 'address', ...address.value }, hboneMtlsPort: port.value })
    }
    case undefined:
      return err('neither hostname nor address')
  }
}

export function decodeOptionalGateway(
  message: GatewayAddressMessage | undefined,
  what: string,
): Result<GatewayAddress | undefined> {
  if (message === undefined) return ok(undefined)
  const gateway = decodeGateway(message)
  return gateway.ok ? gateway : err(`${what}: ${gateway.error}`)
}

export function decodeNetworkAddress(message: NetworkAddressMessage): Result<NetworkAddress> {
  const address = ipFromBytes(message.address)
  return address.ok ? ok({ network: message.network, address: address.value }) : address
}
