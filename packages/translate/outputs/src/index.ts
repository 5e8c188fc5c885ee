/**
 * Everything that the control plane serves, out of everything that users wrote: the model, its conditions, the
 * resources for node proxies, and answers to "may this one call that one, and why?"
 */
export { explainConnection } from './explain.ts'
export type {
  Answer,
  AskedRequest,
  BackendLook,
  Explanation,
  ExplainQuery,
  Party,
  PolicyLook,
  RequestLook,
  RouteLook,
  RuleLook,
  WaypointLook,
} from './explanation.ts'
export { translateMesh } from './mesh-model.ts'
export type { MeshModel } from './mesh-model.ts'
export { revocationListName } from './revocations.ts'
export { runningKey as runningTrustDomain } from '@tulle/workloads'
export type { RunningTrustDomain } from '@tulle/workloads'
export { meshWarnings } from './warnings.ts'
export type { MeshWarning } from './warnings.ts'
