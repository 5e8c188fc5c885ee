import { firstOfEach } from '@tulle/api'
import type { AnyObject, Problem } from '@tulle/api'
import { compareText } from '@tulle/core'
import type { FileState, HeldObject } from './file-state.ts'
import { objectText } from './file-state.ts'

export interface Merged {
  /** By `objectKey`. */
  readonly objects: ReadonlyMap<string, AnyObject>
  readonly problems: readonly Problem[]
}

interface Claim {
  readonly held: HeldObject
  /** 0 for what is written in a file now, 1 for an earlier version of it, 2 for a file that may be gone. */
  readonly rank: number
}

/**
 * What all files say together. Of two objects with one key the first counts, by file name and then by place; what
 * is not written in a file any more gives way without a word, because it was moved.
 */
export function mergeFiles(files: Iterable<FileState>): Merged {
  const states = [...files].toSorted((a, b) => compareText(a.path, b.path))
  const claims = new Map<string, Claim>()
  const written: AnyObject[] = []
  for (const state of states) {
    for (const held of state.objects) {
      const claim = { held, rank: state.missingSinceMs !== undefined ? 2 : held.outdated ? 1 : 0 }
      const other = claims.get(held.key)
      if (other === undefined || claim.rank < other.rank) claims.set(held.key, claim)
      if (claim.rank === 0) written.push(held.object)
    }
  }
  const problems = [...firstOfEach(written).problems]
  for (const state of states) {
    for (const { problem, keeps } of state.problems) {
      const inForce = keeps.flatMap((key) => outdatedObject(claims.get(key), state) ?? [])
      problems.push(withKept(problem, inForce))
    }
  }
  return { objects: new Map(Array.from(claims, ([key, { held }]) => [key, held.object])), problems }
}

function outdatedObject(claim: Claim | undefined, state: FileState): AnyObject | undefined {
  if (claim?.held.outdated !== true || !state.objects.includes(claim.held)) return undefined
  return claim.held.object
}

function withKept(problem: Problem, objects: readonly AnyObject[]): Problem {
  const [first] = objects
  if (first === undefined) return problem
  const what = objects.length === 1 ? objectText(first) : `${objects.length} objects`
  return { ...problem, message: `${problem.message}; the last good version of ${what} stays in force` }
}
