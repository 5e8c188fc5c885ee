import type { ResponseHead } from '@tulle/http1'
import { applyChanges } from '../filters/header-changes.ts'
import type { RequestState } from '../request-state.ts'

/** The way back: what the backend's filters say of the answer, then what the rule's do. */
export function encode({ rule, backend, corsOrigin }: RequestState, { fields }: ResponseHead): void {
  for (const changes of backend?.filters.response ?? []) applyChanges(fields, changes)
  for (const changes of rule?.filters.response ?? []) applyChanges(fields, changes)
  rule?.filters.cors?.mark(corsOrigin, fields)
}
