/** What the mesh says of itself: conditions out of receipts, and the control plane's API on its unix socket. */
export type {
  HostEntry,
  Launch,
  LaunchList,
  ServiceEntry,
  List,
  NodeView,
  ObjectView,
  PolicyView,
  ServiceView,
  SyncView,
  VersionView,
  WaitView,
  WaypointView,
  WorkloadView,
} from './api-types.ts'
export { controlApiClient } from './control-client.ts'
export type { ControlApiClient, ControlApiTypes, ControlCallOptions, ControlPath } from './control-client.ts'
export { controlApi } from './control-routes.ts'
export type { ControlApi } from './control-routes.ts'
export type {
  ControlState,
  ExplainRequest,
  NodeProgress,
  NodeReceipts,
  RevisionProgress,
} from './control-state.ts'
export { formatMs, programmedCondition } from './programmed.ts'
export type { ProgrammedSubject } from './programmed.ts'
