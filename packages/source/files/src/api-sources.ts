import type { AnyObject, ApiCollections } from '@tulle/api'
import type { Graph, Source } from '@tulle/collections'

export interface ApiSources {
  readonly collections: ApiCollections
  /** Sets a key, or deletes it where there is no object; within a transaction. */
  apply(key: string, object: AnyObject | undefined): void
}

type Kind = AnyObject['kind']
type OfKind<K extends Kind> = Extract<AnyObject, { readonly kind: K }>

export function createApiSources(graph: Graph): ApiSources {
  const writers: ((key: string, object: AnyObject | undefined) => void)[] = []
  const source = <K extends Kind>(name: string, kind: K): Source<OfKind<K>> => {
    const made = graph.source<OfKind<K>>(name)
    // The kind is part of the key, so that nothing else has it.
    writers.push((key, object) => {
      if (object === undefined) made.delete(key)
      else if (isKind(object, kind)) made.set(key, object)
    })
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
    apply: (key, object) => {
      for (const write of writers) write(key, object)
    },
  }
}

function isKind<K extends Kind>(object: AnyObject, kind: K): object is OfKind<K> {
  return object.kind === kind
}
