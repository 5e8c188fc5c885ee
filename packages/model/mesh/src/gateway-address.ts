import type { IpAddress } from './ip-address.ts'

/** An address within a network; '' is the local one. */
export interface NetworkAddress {
  readonly network: string
  readonly address: IpAddress
}

/** Where a waypoint or network gateway is reached: by service host name or by address. */
export interface GatewayAddress {
  readonly destination:
    | { readonly kind: 'hostname'; readonly namespace: string; readonly hostname: string }
    | ({ readonly kind: 'address' } & NetworkAddress)
  readonly hboneMtlsPort: number
}

/** The key by which an address is looked up, also as a WDS alias: `network/ip`. */
export function networkAddressKey(network: string, address: IpAddress): string {
  return `${network}/${address}`
}
