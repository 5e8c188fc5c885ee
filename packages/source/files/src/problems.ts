import type { Problem } from '@tulle/api'

/** The codes of problems that files have, whatever is written in them. */
export type FilesCode =
  | 'FILES_UNREADABLE'
  | 'FILES_NOT_TEXT'
  | 'FILES_TOO_LARGE'
  | 'FILES_TOO_MANY'
  | 'API_DUPLICATE_OBJECT'

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

/** By `file:line:column:code`; what else is said of the same place gets a number behind it. */
export function keyProblems(problems: Iterable<Problem>): ReadonlyMap<string, Problem> {
  const keyed = new Map<string, Problem>()
  for (const problem of problems) {
    const { file, line, column } = problem.origin
    const key = `${file}:${line}:${column}:${problem.code}`
    let free = key
    for (let i = 2; keyed.has(free); i++) free = `${key}:${i}`
    keyed.set(free, problem)
  }
  return keyed
}
