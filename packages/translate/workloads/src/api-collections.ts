import type {
  HttpRouteGroupObject,
  MeshObject,
  NamespaceObject,
  ServiceAccountObject,
  ServiceObject,
  TcpRouteObject,
  TrafficTargetObject,
  UdpRouteObject,
  WorkloadObject,
} from '@tulle/api'
import type { Collection } from '@tulle/collections'
import type { IpAddress } from '@tulle/mesh'

/** What users wrote, by kind; every collection is keyed by `objectKey`. */
export interface ApiCollections {
  readonly namespaces: Collection<NamespaceObject>
  readonly serviceAccounts: Collection<ServiceAccountObject>
  readonly services: Collection<ServiceObject>
  readonly meshes: Collection<MeshObject>
  readonly workloads: Collection<WorkloadObject>
  readonly trafficTargets: Collection<TrafficTargetObject>
  readonly httpRouteGroups: Collection<HttpRouteGroupObject>
  readonly tcpRoutes: Collection<TcpRouteObject>
  readonly udpRoutes: Collection<UdpRouteObject>
}

/** Addresses that were allotted to Services and Workloads that bring none, by `objectKey`. */
export interface Allocations {
  readonly collection: Collection<IpAddress>
}
