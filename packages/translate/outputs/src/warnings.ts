import type { Condition, Origin } from '@tulle/api'
import type { MeshModel } from './mesh-model.ts'

/** Something that is accepted and yet may not do what its author thinks. */
export interface MeshWarning {
  /** `objectKey`; '' for the mesh as a whole. */
  readonly object: string
  /** The reason of the condition that it came from, or a reason of its own. */
  readonly reason: string
  readonly message: string
  readonly position?: Origin
}

/** Reasons that say only what a user asked for, or that pass on their own. */
const quiet = new Set([
  'Accepted',
  'ResolvedRefs',
  'NoConflict',
  'WaitingForAddress',
  'ServiceAccountImplied',
  'NotEnrolled',
  // Said once for the whole mesh.
  'AuditOnly',
])

/** What `tulle check` warns of: most of all targets that are not enforced. In the order of the objects' keys. */
export function meshWarnings(model: MeshModel): readonly MeshWarning[] {
  const own = auditWarning(model)
  const fromConditions = Array.from(model.conditions.entries(), ([object, conditions]) =>
    conditions
      .filter(isWarning)
      // A route has conditions for each of its parents, and some say the same.
      .filter((one, i, all) => all.findIndex(({ message }) => message === one.message) === i)
      .map((condition) => warningOf(object, condition)),
  )
  return [...(own === undefined ? [] : [own]), ...fromConditions.flat()]
}

function isWarning({ type, status, reason }: Condition): boolean {
  if (quiet.has(reason)) return false
  if (type === 'PartiallyInvalid' || type === 'Programmed') return true
  // What is not accepted is an error, not a warning, and Conflicted says the same once more.
  return type === 'ResolvedRefs' || (type === 'Accepted' && status !== 'False')
}

function warningOf(object: string, { reason, message, position }: Condition): MeshWarning {
  return { object, reason, message, ...(position === undefined ? {} : { position }) }
}

function auditWarning(model: MeshModel): MeshWarning | undefined {
  const count = model.targets.size
  if (count === 0 || model.settings.value.access !== 'audit') return undefined
  const targets = count === 1 ? 'the TrafficTarget is' : `all ${count} TrafficTargets are`
  const message = `${targets} NOT enforced: access mode audit only logs what would be refused`
  return { object: '', reason: 'NothingEnforced', message }
}
