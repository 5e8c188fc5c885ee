import type { Condition, Origin } from '@tulle/api'

/** What is to be said of one aspect of an object. */
export interface Note {
  /** True where absent. */
  readonly status?: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  readonly position?: Origin | undefined
}

export interface Notes {
  readonly accepted?: Note | undefined
  readonly resolvedRefs?: Note | undefined
  readonly conflicted?: Note | undefined
}

/** The three conditions that every object has; what is not noted is well. */
export function conditionSet(notes: Notes = {}): readonly Condition[] {
  return [
    condition('Accepted', notes.accepted ?? { reason: 'Accepted', message: '' }),
    condition('ResolvedRefs', notes.resolvedRefs ?? { reason: 'ResolvedRefs', message: '' }),
    condition('Conflicted', notes.conflicted ?? { status: 'False', reason: 'NoConflict', message: '' }),
  ]
}

function condition(type: Condition['type'], note: Note): Condition {
  const { status = 'True', reason, message, position } = note
  return { type, status, reason, message, ...(position === undefined ? {} : { position }) }
}
