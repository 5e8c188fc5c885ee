import { objectKey } from '@tulle/api'
import type { ApiCollections, ApiObject } from '@tulle/api'
import type { Collection, Graph, Index, Look } from '@tulle/collections'
import type { IpAddress } from '@tulle/mesh'
import { ageOf, compareAge } from './age.ts'
import type { Age } from './age.ts'
import type { Allocations } from './allocations.ts'
import type { Note } from './condition-set.ts'
import { serviceAddress, workloadAddress } from './object-address.ts'
import type { ObjectAddress } from './object-address.ts'
import { objectLabel } from './object-names.ts'

/** An object that wants an address to be its own. */
export interface AddressClaim {
  readonly address: IpAddress
  readonly label: string
  readonly age: Age
}

/** All claims by the address that they are for: services and workloads share one space. */
export type AddressClaims = Index<AddressClaim>

export function deriveAddressClaims(
  graph: Graph,
  api: ApiCollections,
  allocations: Allocations,
): AddressClaims {
  const services: Collection<AddressClaim> = graph.derive('service-addresses', api.services, (object, look) =>
    claimOf(object, serviceAddress(object, look, allocations)),
  )
  const workloads: Collection<AddressClaim> = graph.derive(
    'workload-addresses',
    api.workloads,
    (object, look) => claimOf(object, workloadAddress(object, look, allocations)),
  )
  const claims = graph.join('address-claims', [services, workloads])
  return graph.index('address-claims-by-address', claims, (claim) => [claim.address])
}

/** What to say of an object whose address an older one has; undefined where it has it itself. */
export function addressConflict(
  object: ApiObject,
  address: IpAddress,
  { look, claims }: { readonly look: Look; readonly claims: AddressClaims },
): Note | undefined {
  const all = look.by(claims, address)
  const [only] = all
  if (all.length === 1 && only?.age.key === objectKey(object)) return undefined
  const age = ageOf(object)
  const older = all.filter((claim) => compareAge(claim.age, age) < 0)
  const [holder] = older.toSorted((a, b) => compareAge(a.age, b.age))
  if (holder === undefined) return undefined
  return { reason: 'AddressInUse', message: `${address} belongs to ${holder.label}, which came first` }
}

function claimOf(object: ApiObject, address: ObjectAddress): AddressClaim | undefined {
  if (address.kind !== 'address') return undefined
  return { address: address.address, label: objectLabel(object), age: ageOf(object) }
}
