import { changePath } from '../filters/path-change.ts'
import { applyChanges } from '../filters/header-changes.ts'
import type { FilterSet } from '../filters/filter-set.ts'
import { redirectReply } from '../filters/redirect.ts'
import { localReply } from '../local-reply.ts'
import type { RequestState } from '../request-state.ts'
import type { Stage } from './stage.ts'

/** What the rule says about the request: answers that it gives itself, then changes; those of the backend come last. */
export const filters: Stage = (request) => {
  const { rule, backend } = request
  if (rule === undefined) return localReply(404, 'route_not_found', { flag: 'NR' })
  const { cors, redirect } = rule.filters
  if (cors !== undefined) {
    // Answers of our own are marked on their way back as well.
    request.corsOrigin = request.fields.get('origin')
    const preflight = cors.preflight(request.method, request.fields)
    if (preflight !== undefined) return preflight
  }
  if (redirect !== undefined) return redirectReply(redirect, request, request.downstream)
  change(request, rule.filters)
  if (backend === undefined) return undefined
  if (backend.filters.redirect !== undefined)
    return redirectReply(backend.filters.redirect, request, request.downstream)
  change(request, backend.filters)
  return undefined
}

/** Only what is forwarded changes: the reading that was routed and authorized stays for the log. */
function change(request: RequestState, { request: changes, rewrite }: FilterSet): void {
  const { head, fields, query } = request
  if (changes.length > 0) request.judgedFields ??= fields.copy()
  for (const one of changes) applyChanges(fields, one)
  if (rewrite === undefined) return
  if (rewrite.host !== undefined) head.authority = rewrite.host
  if (rewrite.path === undefined || request.path === '*') return
  const path = changePath(request.path, rewrite.path)
  head.path = query === '' ? path : `${path}?${query}`
}
