/**
 * The objects that users write: their hub types, and how manifests become them. It reads any text and answers with
 * objects and problems; it never throws for what a user wrote, and never leaves out silently.
 *
 *     const { objects, problems } = parseManifests(text, 'books.yaml')
 */
export type { ApiCollections } from './api-collections.ts'
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
