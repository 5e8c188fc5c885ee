import { compareOrigins } from '@tulle/api'
import type { Origin, Problem } from '@tulle/api'

/** One thing to tell of manifests. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  /** Of a problem or, in CamelCase, the reason of a condition. */
  readonly code: string
  /** Absent where it is about the mesh as a whole. */
  readonly origin: Origin | undefined
  /** `Kind namespace/name`; '' where there is none. */
  readonly object: string
  /** Path of the field; '' for the object. */
  readonly path: string
  readonly message: string
}

export function findingOf(problem: Problem): Finding {
  const { severity, code, origin, object, path, message } = problem
  return { severity, code, origin, object, path, message }
}

/** By file and place; what is about the whole mesh comes last, where it is read. */
export function compareFindings(a: Finding, b: Finding): number {
  if (a.origin === undefined || b.origin === undefined) {
    return Number(a.origin === undefined) - Number(b.origin === undefined)
  }
  return compareOrigins(a.origin, b.origin)
}
