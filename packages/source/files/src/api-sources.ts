import type { AnyObject, ApiCollections } from '@tulle/api'
import type { Graph, Source } from '@tulle/collections'

export interface ApiSources {
  readonly collections: ApiCollections
  /** Makes the collections hold exactly these; within a transaction. */
  replace(objects: ReadonlyMap<string, AnyObject>): void
}

type Kind = AnyObject['kind']
type OfKind<K extends Kind> = Extract<AnyObject, { readonly kind: K }>

export function createApiSources(graph: Graph): ApiSources {
  const writers: ((objects: ReadonlyMap<string, AnyObject>) => void)[] = []
  const source = <K extends Kind>(name: string, kind: K): Source<OfKind<K>> => {
    const made = graph.source<OfKind<K>>(name)
    writers.push((objects) => made.replace(ofKind(objects, kind)))
    return made
  }
  const collections: ApiCollections = {
    namespaces: source('api-namespaces', 'Namespace'),
    serviceAccounts: source('api-service-accounts', 'ServiceAccount'),
    services: source('api-services', 'Service'),
    meshes: source('api-meshes', 'Mesh'),
    revocations: source('api-revocations', 'Revocation'),
    workloads: source('api-workloads', 'Workload'),
    trafficTargets: source('api-traffic-targets', 'TrafficTarget'),
    httpRouteGroups: source('api-http-route-groups', 'HTTPRouteGroup'),
    tcpRoutes: source('api-tcp-routes', 'TCPRoute'),
    udpRoutes: source('api-udp-routes', 'UDPRoute'),
  }
  return {
    collections,
    replace: (objects) => {
      for (const write of writers) write(objects)
    },
  }
}

function ofKind<K extends Kind>(objects: ReadonlyMap<string, AnyObject>, kind: K): Map<string, OfKind<K>> {
  const found = new Map<string, OfKind<K>>()
  for (const [key, object] of objects) if (isKind(object, kind)) found.set(key, object)
  return found
}

function isKind<K extends Kind>(object: AnyObject, kind: K): object is OfKind<K> {
  return object.kind === kind
}
