import { networkAddressKey, serviceKey } from '@tulle/mesh'
import type { Service, Workload } from '@tulle/mesh'

/** What a resource of the address type holds. */
export type AddressEntry =
  | { readonly kind: 'workload'; readonly workload: Workload }
  | { readonly kind: 'service'; readonly service: Service }

/** The resource name: the uid of a workload, `namespace/hostname` of a service. */
export function addressName(entry: AddressEntry): string {
  return entry.kind === 'workload' ? entry.workload.uid : serviceKey(entry.service)
}

/** `network/ip` of each address. */
export function workloadAliases(workload: Workload): readonly string[] {
  return workload.addresses.map((address) => networkAddressKey(workload.network, address))
}

/** `network/ip` of each address, `network/ip/length` of each range. */
export function serviceAliases(service: Service): readonly string[] {
  return service.addresses.map(({ network, address, prefixBits }) => {
    const key = networkAddressKey(network, address)
    return prefixBits === undefined ? key : `${key}/${prefixBits}`
  })
}
