import type { Collection } from '@tulle/collections'
import { gatewayExperimentalGroup, gatewayGroup } from './gateway-kinds.ts'
import type {
  BackendTlsPolicyObject,
  BackendTrafficPolicyObject,
  GatewayObject,
  GatewayTcpRouteObject,
  GatewayUdpRouteObject,
  GrpcRouteObject,
  HttpRouteObject,
  ReferenceGrantObject,
  TlsRouteObject,
} from './gateway-kinds.ts'
import type {
  AnyObject,
  ConfigMapObject,
  HttpRouteGroupObject,
  MeshObject,
  NamespaceObject,
  RevocationObject,
  ServiceAccountObject,
  ServiceObject,
  TcpRouteObject,
  TrafficSplitObject,
  TrafficTargetObject,
  UdpRouteObject,
  WorkloadObject,
} from './kinds.ts'
import type { TrafficPolicyObject } from './traffic-policy.ts'

/** Every kind that users write, by the name of its collection. */
export interface ApiKinds {
  readonly namespaces: NamespaceObject
  readonly serviceAccounts: ServiceAccountObject
  readonly services: ServiceObject
  readonly configMaps: ConfigMapObject
  readonly meshes: MeshObject
  readonly revocations: RevocationObject
  readonly workloads: WorkloadObject
  readonly trafficPolicies: TrafficPolicyObject
  readonly trafficTargets: TrafficTargetObject
  readonly httpRouteGroups: HttpRouteGroupObject
  readonly tcpRoutes: TcpRouteObject
  readonly udpRoutes: UdpRouteObject
  readonly trafficSplits: TrafficSplitObject
  readonly httpRoutes: HttpRouteObject
  readonly grpcRoutes: GrpcRouteObject
  readonly tlsRoutes: TlsRouteObject
  readonly gatewayTcpRoutes: GatewayTcpRouteObject
  readonly gatewayUdpRoutes: GatewayUdpRouteObject
  readonly gateways: GatewayObject
  readonly referenceGrants: ReferenceGrantObject
  readonly backendTlsPolicies: BackendTlsPolicyObject
  readonly backendTrafficPolicies: BackendTrafficPolicyObject
}

export type ApiCollectionName = keyof ApiKinds

/** What users wrote, by kind; every collection is keyed by `objectKey`. */
export type ApiCollections = { readonly [Name in ApiCollectionName]: Collection<ApiKinds[Name]> }

const collectionNames: Readonly<Record<ApiCollectionName, `${string}/${AnyObject['kind']}`>> = {
  namespaces: '/Namespace',
  serviceAccounts: '/ServiceAccount',
  services: '/Service',
  configMaps: '/ConfigMap',
  meshes: 'tulle.dev/Mesh',
  revocations: 'tulle.dev/Revocation',
  workloads: 'tulle.dev/Workload',
  trafficPolicies: 'tulle.dev/TrafficPolicy',
  trafficTargets: 'access.smi-spec.io/TrafficTarget',
  httpRouteGroups: 'specs.smi-spec.io/HTTPRouteGroup',
  tcpRoutes: 'specs.smi-spec.io/TCPRoute',
  udpRoutes: 'specs.smi-spec.io/UDPRoute',
  trafficSplits: 'split.smi-spec.io/TrafficSplit',
  httpRoutes: `${gatewayGroup}/HTTPRoute`,
  grpcRoutes: `${gatewayGroup}/GRPCRoute`,
  tlsRoutes: `${gatewayGroup}/TLSRoute`,
  gatewayTcpRoutes: `${gatewayGroup}/TCPRoute`,
  gatewayUdpRoutes: `${gatewayGroup}/UDPRoute`,
  gateways: `${gatewayGroup}/Gateway`,
  referenceGrants: `${gatewayGroup}/ReferenceGrant`,
  backendTlsPolicies: `${gatewayGroup}/BackendTLSPolicy`,
  backendTrafficPolicies: `${gatewayExperimentalGroup}/XBackendTrafficPolicy`,
}

/** One collection for each kind, made in one way: for whoever holds objects of all kinds. */
export function apiCollections(
  make: <Name extends ApiCollectionName>(name: Name) => Collection<ApiKinds[Name]>,
): ApiCollections {
  const names = Object.keys(collectionNames) as readonly ApiCollectionName[]
  // Each name is paired with what was made for it, which the compiler can't follow through the entries.
  return Object.fromEntries(names.map((name) => [name, make(name)])) as unknown as ApiCollections
}

/** `group/Kind` of the objects in the collection of this name: what their keys begin with. */
export function kindOfCollection(name: ApiCollectionName): string {
  return collectionNames[name]
}

/** Whether an object belongs into the collection of this name. */
export function isOfCollection<Name extends ApiCollectionName>(
  name: Name,
  object: AnyObject,
): object is Extract<AnyObject, ApiKinds[Name]> {
  return collectionNames[name] === `${object.group}/${object.kind}`
}
