import type { ServiceObject, WorkloadObject } from '@tulle/api'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'

export type PoolName = 'services' | 'workloads'

/** What an object asks of us: an address, or that one which its user gave is left alone. */
export type Demand =
  | { readonly kind: 'allot'; readonly pool: PoolName }
  | { readonly kind: 'given'; readonly address: IpAddress }

/** @see Kubernetes API, ServiceSpec.clusterIP */
export function serviceDemand({ spec: { clusterIP } }: ServiceObject): Demand | undefined {
  if (clusterIP === 'None') return undefined
  if (clusterIP === undefined || clusterIP === '') return { kind: 'allot', pool: 'services' }
  return given(clusterIP)
}

export function workloadDemand({ spec: { address, run } }: WorkloadObject): Demand | undefined {
  if (address !== undefined) return given(address)
  return run === undefined ? undefined : { kind: 'allot', pool: 'workloads' }
}

/** Text that is no address reserves nothing; who translates the object tells its user. */
function given(text: string): Demand | undefined {
  const address = parseIpAddress(text)
  return address.ok ? { kind: 'given', address: address.value } : undefined
}
