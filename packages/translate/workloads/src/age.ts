import type { ApiObject } from '@tulle/api'
import { objectKey } from '@tulle/api'
import { compareText } from '@tulle/core'

/** What decides between objects that can't both have what they ask for. */
export interface Age {
  /** Infinity where the object says nothing, or nonsense. */
  readonly createdMs: number
  /** `namespace/name`. */
  readonly name: string
  readonly key: string
}

export function ageOf(object: ApiObject): Age {
  const { creationTimestamp, namespace, name } = object.metadata
  const createdMs = creationTimestamp === undefined ? Number.NaN : Date.parse(creationTimestamp)
  return {
    createdMs: Number.isNaN(createdMs) ? Infinity : createdMs,
    name: `${namespace}/${name}`,
    key: objectKey(object),
  }
}

/** Oldest first: by creation, those without a time behind those with one, then by namespace and name. */
export function compareAge(a: Age, b: Age): number {
  if (a.createdMs !== b.createdMs) return a.createdMs < b.createdMs ? -1 : 1
  return compareText(a.name, b.name) || compareText(a.key, b.key)
}
