import { MeshError } from '@tulle/core'

/**
 * L4_LISTEN: a workload's listener could not be opened. L4_REMOVED: the workload was removed while it waited
 * for its listeners. L4_IDENTITY: a workload's names make no SPIFFE id. L4_WORKER: a data path thread ended unexpectedly. L4_CLOSED: the data plane has ended.
 */
export const l4ErrorCodes = ['L4_LISTEN', 'L4_REMOVED', 'L4_IDENTITY', 'L4_WORKER', 'L4_CLOSED'] as const
export type L4ErrorCode = (typeof l4ErrorCodes)[number]

export class L4Error extends MeshError<L4ErrorCode> {}
