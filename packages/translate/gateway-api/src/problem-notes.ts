import type { ApiObject, Origin } from '@tulle/api'
import type { Note } from '@tulle/workloads'

/** Something that is wrong with a field. */
export interface FieldProblem {
  readonly reason: string
  readonly message: string
  readonly position: Origin | undefined
}

export function problemAt(
  object: Pick<ApiObject, 'positions'>,
  path: string,
  { reason, message }: { readonly reason: string; readonly message: string },
): FieldProblem {
  return { reason, message: `${path}: ${message}`, position: object.positions.get(path) }
}

/** All problems in one note, under the reason and at the place of the first; undefined where there are none. */
export function noteOf(
  problems: readonly FieldProblem[],
  status: Note['status'] = 'False',
): Note | undefined {
  const [first] = problems
  if (first === undefined) return undefined
  const message = [...new Set(problems.map((problem) => problem.message))].join('; ')
  return { status, reason: first.reason, message, position: first.position }
}
