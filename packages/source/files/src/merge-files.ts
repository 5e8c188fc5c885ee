import type { AnyObject, Origin, Problem } from '@tulle/api'
import { compareText } from '@tulle/core'
import type { FileState, HeldObject } from './file-state.ts'
import { objectText } from './file-state.ts'
import { fileProblem } from './problems.ts'

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
  const problems: Problem[] = []
  for (const state of states) {
    for (const held of state.objects) {
      const claim = { held, rank: state.missingSinceMs !== undefined ? 2 : held.outdated ? 1 : 0 }
      const other = claims.get(held.key)
      if (other === undefined || claim.rank < other.rank) claims.set(held.key, claim)
      if (other?.rank === 0 && claim.rank === 0) problems.push(duplicate(other.held, held))
    }
  }
  for (const state of states) {
    for (const { problem, keeps } of state.problems) {
      const inForce = keeps.filter((key) => isOutdatedBy(claims.get(key), state))
      problems.push(inForce.length === 0 ? problem : withKept(problem, inForce, claims))
    }
  }
  const objects = new Map([...claims].map(([key, { held }]) => [key, held.object]))
  return { objects, problems }
}

function isOutdatedBy(claim: Claim | undefined, state: FileState): boolean {
  return claim?.held.outdated === true && state.objects.includes(claim.held)
}

function withKept(problem: Problem, keys: readonly string[], claims: ReadonlyMap<string, Claim>): Problem {
  const objects = keys.flatMap((key) => claims.get(key)?.held.object ?? [])
  const what =
    objects.length === 1 && objects[0] !== undefined
      ? objectText(objects[0])
      : `its ${objects.length} objects`
  return { ...problem, message: `${problem.message}; the last good version of ${what} stays in force` }
}

function duplicate(first: HeldObject, second: HeldObject): Problem {
  const { origin } = second.object
  const text = objectText(second.object)
  const message = `${text} of ${placeText(origin)} is written in ${placeText(first.object.origin)} already, which counts; remove one of the two`
  return { ...fileProblem('API_DUPLICATE_OBJECT', origin.file, message), origin, object: text }
}

function placeText({ file, line, column }: Origin): string {
  return `${file}:${line}:${column}`
}
