import type { ResponseHead } from '@tulle/http1'
import { applyChanges } from '../filters/header-changes.ts'
import type { RequestState } from '../request-state.ts'

/** The way back: what the backend's filters say of the answer, then what the rule's do, then how to come back to it. */
export function encode(request: RequestState, { fields }: ResponseHead): void {
  const { rule, backend, corsOrigin, session, answeredBy, cluster } = request
  for (const changes of backend?.filters.response ?? []) applyChanges(fields, changes)
  for (const changes of rule?.filters.response ?? []) applyChanges(fields, changes)
  rule?.filters.cors?.mark(corsOrigin, fields)
  if (session === undefined || answeredBy === undefined || cluster === undefined) return
  if (session.live !== answeredBy) session.keeper.mark({ cluster, endpoint: answeredBy }, fields)
}
