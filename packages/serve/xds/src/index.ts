/** Serves collections of resources to proxies over delta ADS, and keeps receipts of what each applied. */
export type { GrpcCall, GrpcListener } from './grpc-call.ts'
export { GrpcServer } from './grpc-server.ts'
export type { GrpcMethods, GrpcServerDeps, GrpcServerOptions } from './grpc-server.ts'
export { xdsServer } from './xds-server.ts'
export type { Authenticate, XdsResources, XdsServer, XdsServerDeps, XdsServerOptions } from './xds-server.ts'
export type {
  AppliedReport,
  NodeReceipt,
  Receipts,
  RejectedResource,
  RevisionReceipt,
  TypeReceipt,
} from './receipt-types.ts'
