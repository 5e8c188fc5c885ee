import type { Origin, ServiceObject, WorkloadObject } from '@tulle/api'
import { objectKey } from '@tulle/api'
import type { Look } from '@tulle/collections'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import type { Allocations } from './allocations.ts'

/** The address of an object, as far as it has one. */
export type ObjectAddress =
  | { readonly kind: 'address'; readonly address: IpAddress }
  /** A headless service: it has none, and needs none. */
  | { readonly kind: 'headless' }
  /** One will be allotted. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'invalid'; readonly message: string; readonly position: Origin | undefined }

/** @see Kubernetes API, ServiceSpec.clusterIP */
export function serviceAddress(object: ServiceObject, look: Look, allocations: Allocations): ObjectAddress {
  const { clusterIP } = object.spec
  if (clusterIP === 'None') return { kind: 'headless' }
  if (clusterIP === undefined || clusterIP === '') return allotted(objectKey(object), look, allocations)
  return given(clusterIP, object.positions.get('spec.clusterIP'))
}

export function workloadAddress(object: WorkloadObject, look: Look, allocations: Allocations): ObjectAddress {
  const { address, run } = object.spec
  if (address !== undefined) return given(address, object.positions.get('spec.address'))
  if (run !== undefined) return allotted(objectKey(object), look, allocations)
  return {
    kind: 'invalid',
    message: 'a Workload needs an address, or a run command and gets one',
    position: object.positions.get('spec'),
  }
}

function allotted(key: string, look: Look, allocations: Allocations): ObjectAddress {
  const address = look.one(allocations.collection, key)
  return address === undefined ? { kind: 'waiting' } : { kind: 'address', address }
}

function given(text: string, position: Origin | undefined): ObjectAddress {
  const address = parseIpAddress(text)
  if (!address.ok) return { kind: 'invalid', message: address.error, position }
  if (isUnicast(address.value)) return { kind: 'address', address: address.value }
  return { kind: 'invalid', message: `expected the address of one host, found ${text}`, position }
}

/** Neither unspecified nor multicast nor broadcast. @see RFC 1112 §4, RFC 4291 §2.7 */
function isUnicast(address: IpAddress): boolean {
  if (address.includes(':')) return address !== '::' && !address.startsWith('ff')
  const first = Number(address.slice(0, address.indexOf('.')))
  return (first > 0 && first < 224) || (first >= 240 && address !== '255.255.255.255')
}
