import { MeshError } from '@tulle/core'

export type AllocationsCode = 'ALLOCATIONS_RANGE' | 'ALLOCATIONS_UNREADABLE' | 'ALLOCATIONS_UNWRITABLE'

/** A range that no addresses can be allotted from, or a file that cannot be kept. */
export class AllocationsError extends MeshError<AllocationsCode> {}
