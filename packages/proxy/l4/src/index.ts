/**
 * The L4 data path of a node proxy: captured connections are authorized, carried over HBONE and measured.
 * It knows workloads, services and policies as resources on the wire, and nothing of where these came from.
 */
export { createDataPlane } from './create-data-plane.ts'
export { beginDataThreads } from './data-threads.ts'
export type {
  ConnectionInfo,
  DataPlane,
  DataPlaneDeps,
  DataPlaneOptions,
  Direction,
  EnrolledWorkload,
  ListenerPlan,
  ListenerRole,
  ListeningSocket,
  RejectedResource,
  SocketAddress,
  WorkerDump,
} from './data-plane.ts'
export { L4Error } from './errors.ts'
export type { L4ErrorCode } from './errors.ts'
export { defaultLimits, handshakeRests } from './limits.ts'
export type { L4Limits } from './limits.ts'
export { targetPort } from './endpoint-choice.ts'
export { expectedIdentities } from './expected-identities.ts'
export { MeshState } from './mesh-state.ts'
