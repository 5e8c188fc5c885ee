import type { ApiObject } from '@tulle/api'
import { serviceKey } from '@tulle/mesh'

/** The key of a Namespace object. */
export function namespaceObjectKey(namespace: string): string {
  return `/Namespace//${namespace}`
}

/** The key of a ServiceAccount object. */
export function serviceAccountObjectKey(namespace: string, name: string): string {
  return `/ServiceAccount/${namespace}/${name}`
}

/** How messages name an object: `Workload bookstore/books-1`. */
export function objectLabel(object: ApiObject): string {
  const { namespace, name } = object.metadata
  return `${object.kind} ${namespace === '' ? name : `${namespace}/${name}`}`
}

/** The key of a Service object. */
export function serviceObjectKey(namespace: string, name: string): string {
  return `/Service/${namespace}/${name}`
}

/** The key of the service that a Service object of this name becomes. */
export function clusterServiceKey(namespace: string, name: string): string {
  return serviceKey({ namespace, hostname: `${name}.${namespace}.svc.cluster.local` })
}
