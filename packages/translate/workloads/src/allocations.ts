import type { Collection } from '@tulle/collections'
import type { IpAddress } from '@tulle/mesh'

/** Addresses that were allotted to Services and Workloads that bring none, by `objectKey`. */
export interface Allocations {
  readonly collection: Collection<IpAddress>
}
