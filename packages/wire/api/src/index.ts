/**
 * The objects that users write: their hub types, and how manifests become them. It reads any text and answers with
 * objects and problems; it never throws for what a user wrote, and never leaves out silently.
 *
 *     const { objects, problems } = parseManifests(text, 'books.yaml')
 */
export { apiCollections, isOfCollection, kindOfCollection } from './api-collections.ts'
export type { ApiCollectionName, ApiCollections, ApiKinds } from './api-collections.ts'
export { parseDurationMs } from './duration.ts'
export { gatewayExperimentalGroup, gatewayGroup } from './gateway-kinds.ts'
export type {
  BackendRefSpec,
  BackendTlsPolicyObject,
  BackendTlsPolicySpec,
  BackendTrafficPolicyObject,
  BackendTrafficPolicySpec,
  CorsSpec,
  FilteredBackendRefSpec,
  GatewayListenerSpec,
  GatewayObject,
  GatewaySpec,
  GatewayTcpRouteObject,
  GatewayUdpRouteObject,
  GrpcRouteMatchSpec,
  GrpcRouteObject,
  GrpcRouteRuleSpec,
  HeaderModifierSpec,
  HttpRouteMatchSpec,
  HttpRouteObject,
  HttpRouteRuleSpec,
  NamedMatchSpec,
  ObjectRefSpec,
  ParentRefSpec,
  PathModifierSpec,
  PolicyTargetSpec,
  ReferenceGrantObject,
  ReferenceGrantSpec,
  RouteFilterSpec,
  RouteSpec,
  SessionPersistenceSpec,
  StreamRouteRuleSpec,
  TlsRouteObject,
} from './gateway-kinds.ts'
export { objectKey } from './kinds.ts'
export type {
  AnyObject,
  ApiObject,
  Condition,
  HttpMatchSpec,
  HttpRouteGroupObject,
  MeshObject,
  MeshSpec,
  NamespaceObject,
  ObjectMeta,
  Origin,
  Positions,
  Problem,
  RevocationObject,
  RevocationSpec,
  RunSpec,
  ServiceAccountObject,
  ServiceObject,
  ServicePortSpec,
  ServiceSpec,
  SubjectSpec,
  TargetRuleSpec,
  TcpRouteObject,
  TrafficSplitObject,
  TrafficSplitSpec,
  TrafficTargetObject,
  TrafficTargetSpec,
  UdpRouteObject,
  WorkloadObject,
  WorkloadSpec,
} from './kinds.ts'
export { manifestLimits } from './limits.ts'
export type { ManifestLimits } from './limits.ts'
export { firstOfEach, parseManifests } from './parse-manifests.ts'
export type { ManifestDocument, Manifests, ParseOptions, RejectedObject } from './parse-manifests.ts'
export { compareOrigins, placeText, problemKey, problemText } from './problem.ts'
export type { ApiCode } from './problem.ts'
export type { TrafficPolicyObject, TrafficPolicySpec } from './traffic-policy.ts'
