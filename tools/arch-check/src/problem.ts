/** One breach: where, what, why it is one, and what to do about it. */
export interface Problem {
  /** Relative to the root. */
  readonly file: string
  /** Where in the file's text; the start when left out. */
  readonly offset?: number
  readonly what: string
  readonly why: string
  readonly instead: string
}

/** `file:line:column: what`, and the rest indented below it. */
export function formatProblem(problem: Problem, text: string): string {
  const before = text.slice(0, problem.offset ?? 0).split('\n')
  const column = (before.at(-1)?.length ?? 0) + 1
  const place = `${problem.file}:${before.length}:${column}`
  return `${place}: ${problem.what}\n    why: ${problem.why}\n    do: ${problem.instead}`
}
