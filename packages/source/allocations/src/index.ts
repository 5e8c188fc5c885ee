/**
 * Addresses for Services and Workloads that bring none. They are kept, not computed: an object has its address for as
 * long as it needs one, over restarts and whatever else comes and goes. IPv4 only.
 *
 *     const allotted = await allocations({ graph, api, file: '/var/lib/tulle/allocations.json', log })
 *     allotted.addresses.get('/Service/bookstore/books') // 240.240.0.1
 */
export { allocations } from './allocations.ts'
export type { AllocationsApi, AllocationsOptions, Allotted } from './allocations.ts'
export { AllocationsError } from './errors.ts'
export type { AllocationsCode } from './errors.ts'
