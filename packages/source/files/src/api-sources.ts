import { apiCollections, isOfCollection, kindOfCollection } from '@tulle/api'
import type { AnyObject, ApiCollectionName, ApiCollections, ApiKinds } from '@tulle/api'
import type { Graph, Source } from '@tulle/collections'

export interface ApiSources {
  readonly collections: ApiCollections
  /** Sets a key, or deletes it where there is no object; within a transaction. */
  apply(key: string, object: AnyObject | undefined): void
}

export function createApiSources(graph: Graph): ApiSources {
  const writers: Map<string, (key: string, object: AnyObject | undefined) => void> = new Map()
  const source = <Name extends ApiCollectionName>(name: Name): Source<ApiKinds[Name]> => {
    const made = graph.source<ApiKinds[Name]>(`api-${name.replaceAll(/[A-Z]/gu, '-$&').toLowerCase()}`)
    writers.set(kindOfCollection(name), (key, object) => {
      if (object === undefined) made.delete(key)
      else if (isOfCollection(name, object)) made.set(key, object)
    })
    return made
  }
  return {
    collections: apiCollections(source),
    apply: (key, object) => {
      // Group and kind are the first parts of a key.
      const kind = key.slice(0, key.indexOf('/', key.indexOf('/') + 1))
      writers.get(kind)?.(key, object)
    },
  }
}
