/**
 * Workloads, services and the settings of the mesh, out of what users wrote. Pure: one object and a look in,
 * the model and the conditions out.
 */
export { addressConflict, deriveAddressClaims } from './address-claims.ts'
export type { AddressClaim, AddressClaims } from './address-claims.ts'
export { ageOf, compareAge } from './age.ts'
export type { Age } from './age.ts'
export type { Allocations } from './allocations.ts'
export { appProtocolOf } from './app-protocol.ts'
export { workloadUid } from './build-workload.ts'
export { conditionSet } from './condition-set.ts'
export type { ConditionSubject, Note, Notes } from './condition-set.ts'
export {
  defaultMeshSettings,
  deriveMeshConditions,
  deriveMeshSettings,
  meshConditions,
  runningKey,
  settingsOf,
} from './mesh-settings.ts'
export type { MeshInputs, MeshSettings, RunningTrustDomain } from './mesh-settings.ts'
export { noWaypoint, noWaypointNote } from './no-waypoint.ts'
export {
  clusterServiceKey,
  namespaceObjectKey,
  objectLabel,
  serviceAccountObjectKey,
  serviceObjectKey,
} from './object-names.ts'
export { deriveServiceConditions } from './service-conditions.ts'
export { deriveServices, deriveServiceTranslations, translateService } from './services.ts'
export type { ServiceInputs, ServiceTranslation } from './services.ts'
export {
  deriveWorkloadPorts,
  deriveWorkloads,
  deriveWorkloadTranslations,
  indexServicesBySelector,
  translateWorkload,
} from './workloads.ts'
export type { WorkloadInputs, WorkloadTranslation } from './workloads.ts'
