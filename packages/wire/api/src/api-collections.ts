import type {
  HttpRouteGroupObject,
  MeshObject,
  NamespaceObject,
  RevocationObject,
  ServiceAccountObject,
  ServiceObject,
  TcpRouteObject,
  TrafficTargetObject,
  UdpRouteObject,
  WorkloadObject,
} from './kinds.ts'
import type { Collection } from '@tulle/collections'

/** What users wrote, by kind; every collection is keyed by `objectKey`. */
export interface ApiCollections {
  readonly namespaces: Collection<NamespaceObject>
  readonly serviceAccounts: Collection<ServiceAccountObject>
  readonly services: Collection<ServiceObject>
  readonly meshes: Collection<MeshObject>
  readonly revocations: Collection<RevocationObject>
  readonly workloads: Collection<WorkloadObject>
  readonly trafficTargets: Collection<TrafficTargetObject>
  readonly httpRouteGroups: Collection<HttpRouteGroupObject>
  readonly tcpRoutes: Collection<TcpRouteObject>
  readonly udpRoutes: Collection<UdpRouteObject>
}
