import type { Problem } from '@tulle/api'
import { adminClient, withQuery } from '@tulle/runtime'
import type { AdminParams } from '@tulle/runtime'
import type {
  HostEntry,
  LaunchList,
  List,
  NodeView,
  ObjectView,
  PolicyView,
  ServiceView,
  SyncView,
  VersionView,
  WaypointView,
  WaitView,
  WorkloadView,
} from './api-types.ts'

/** What each path of the control API answers; lists can be watched. */
export interface ControlApiTypes {
  readonly '/v1/workloads': List<WorkloadView>
  readonly '/v1/services': List<ServiceView>
  readonly '/v1/policies': List<PolicyView>
  readonly '/v1/objects': List<ObjectView>
  readonly '/v1/problems': List<Problem>
  readonly '/v1/waypoints': List<WaypointView>
  readonly '/v1/nodes': List<NodeView>
  readonly '/v1/launches': LaunchList
  readonly '/v1/hosts': List<HostEntry>
  readonly '/v1/version': VersionView
  readonly '/v1/wait': WaitView
  readonly '/v1/sync': SyncView
  /** `Explanation` of @tulle/outputs. */
  readonly '/v1/explain': unknown
  readonly '/v1/collections': unknown
}

export type ControlPath = keyof ControlApiTypes

export interface ControlCallOptions {
  readonly params?: AdminParams
  readonly signal?: AbortSignal
}

/** Asks a control plane over its unix socket, with what each path answers. Rejects as `adminClient` does. */
export interface ControlApiClient {
  get<P extends ControlPath>(path: P, options?: ControlCallOptions): Promise<ControlApiTypes[P]>
  post<P extends ControlPath>(path: P, options?: ControlCallOptions): Promise<ControlApiTypes[P]>
  /** The list now and after each change, until the signal aborts or the control plane ends. */
  watch<P extends ControlPath>(path: P, options?: ControlCallOptions): AsyncIterable<ControlApiTypes[P]>
}

export function controlApiClient(socketPath: string): ControlApiClient {
  const client = adminClient(socketPath)
  return {
    get: (path, { params = {}, signal } = {}) => client.get(withQuery(path, params), signal),
    post: (path, { params = {}, signal } = {}) => client.post(withQuery(path, params), undefined, signal),
    watch: (path, { params = {}, signal } = {}) =>
      client.watch(withQuery(path, { ...params, watch: 1 }), signal),
  }
}
