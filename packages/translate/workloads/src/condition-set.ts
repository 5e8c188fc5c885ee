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
  /** Only where some parts of an object are in force and others are not. */
  readonly partiallyInvalid?: Note | undefined
  /** Only where the control plane knows that nobody carries the object out. */
  readonly programmed?: Note | undefined
}

/** What all conditions of a set speak of. */
export type ConditionSubject = Pick<Condition, 'observedGeneration' | 'parent'>

/** Of most objects nothing is to be said: they share one set. */
const nothingNoted: readonly Condition[] = setOf({}, {})

/** The three conditions that every object has, and those that are noted besides; what is not noted is well. */
export function conditionSet(notes: Notes = {}, subject: ConditionSubject = {}): readonly Condition[] {
  const isNothing = isEmpty(notes) && isEmpty(subject)
  return isNothing ? nothingNoted : setOf(notes, subject)
}

function isEmpty(what: Notes | ConditionSubject): boolean {
  return Object.values(what).every((value) => value === undefined)
}

function setOf(notes: Notes, subject: ConditionSubject): readonly Condition[] {
  const { partiallyInvalid, programmed } = notes
  const set = [
    condition('Accepted', notes.accepted ?? { reason: 'Accepted', message: '' }),
    condition('ResolvedRefs', notes.resolvedRefs ?? { reason: 'ResolvedRefs', message: '' }),
    condition('Conflicted', notes.conflicted ?? { status: 'False', reason: 'NoConflict', message: '' }),
    ...(partiallyInvalid === undefined ? [] : [condition('PartiallyInvalid', partiallyInvalid)]),
    ...(programmed === undefined ? [] : [condition('Programmed', programmed)]),
  ]
  return set.map((one) => ({ ...one, ...subject }))
}

function condition(type: Condition['type'], note: Note): Condition {
  const { status = 'True', reason, message, position } = note
  return { type, status, reason, message, ...(position === undefined ? {} : { position }) }
}
