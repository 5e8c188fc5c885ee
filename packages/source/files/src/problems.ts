import { problemKey } from '@tulle/api'
import type { Problem } from '@tulle/api'

/** The codes of problems that files have, whatever is written in them. */
export type FilesCode = 'FILES_UNREADABLE' | 'FILES_NOT_TEXT' | 'FILES_TOO_LARGE' | 'FILES_TOO_MANY'

/** A problem of a file as a whole. */
export function fileProblem(code: FilesCode, file: string, message: string): Problem {
  return {
    severity: 'error',
    code,
    origin: { file, line: 1, column: 1 },
    object: '',
    path: '',
    message,
  }
}

export function keyProblems(problems: Iterable<Problem>): ReadonlyMap<string, Problem> {
  return new Map(Array.from(problems, (problem) => [problemKey(problem), problem]))
}
