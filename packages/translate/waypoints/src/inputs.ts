import type { ApiCollections } from '@tulle/api'
import type { Collection, Index, Singleton } from '@tulle/collections'
import type { Service, Workload } from '@tulle/mesh'
import type { AuthorizationPolicy } from '@tulle/policy'
import type { TargetTranslation } from '@tulle/smi'
import type { ServiceTraffic } from '@tulle/traffic'
import type { Allocations, MeshSettings } from '@tulle/workloads'

/** What waypoints are derived from. */
export interface WaypointInputs {
  readonly api: Pick<ApiCollections, 'gateways' | 'namespaces' | 'services' | 'workloads'>
  readonly settings: Singleton<MeshSettings>
  readonly allocations: Allocations
  /** Keyed by `serviceKey`, unbound. */
  readonly services: Collection<Service>
  /** Keyed by uid, unbound. */
  readonly workloads: Collection<Workload>
  /** Routes, splits and what is attached to services; keyed by `serviceKey`. */
  readonly traffic: Collection<ServiceTraffic>
  readonly targets: Collection<TargetTranslation>
  /** Policies of the modes of the mesh, keyed by `policyKey`. */
  readonly modePolicies: Collection<AuthorizationPolicy>
  /** The policies that hold at a workload by name, by uid, in order. */
  readonly policyKeysByWorkload: Collection<readonly string[]>
  /** Which waypoints serve and have applied what they were sent, by `waypointKey`. */
  readonly ready: Collection<true>
  /** Which of them have been told to end, by `waypointKey`: callers are not sent there again. */
  readonly ending: Collection<true>
  /** Waypoints that led to a workload lately, and may still have requests for it under way: their keys, by uid. */
  readonly ledBefore: Collection<readonly string[]>
}

/** The endpoints of each service. */
export type WorkloadsByService = Index<Workload>
