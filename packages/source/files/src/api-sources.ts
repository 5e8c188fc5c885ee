import { apiCollections, isOfCollection } from '@tulle/api'
import type { AnyObject, ApiCollectionName, ApiCollections, ApiKinds } from '@tulle/api'
import type { Graph, Source } from '@tulle/collections'

export interface ApiSources {
  readonly collections: ApiCollections
  /** Sets a key, or deletes it where there is no object; within a transaction. */
  apply(key: string, object: AnyObject | undefined): void
}

export function createApiSources(graph: Graph): ApiSources {
  const writers: ((key: string, object: AnyObject | undefined) => void)[] = []
  const source = <Name extends ApiCollectionName>(name: Name): Source<ApiKinds[Name]> => {
    const made = graph.source<ApiKinds[Name]>(`api-${name.replaceAll(/[A-Z]/gu, '-$&').toLowerCase()}`)
    // Group and kind are part of the key, so that nothing else has it.
    writers.push((key, object) => {
      if (object === undefined) made.delete(key)
      else if (isOfCollection(name, object)) made.set(key, object)
    })
    return made
  }
  return {
    collections: apiCollections(source),
    apply: (key, object) => {
      for (const write of writers) write(key, object)
    },
  }
}
