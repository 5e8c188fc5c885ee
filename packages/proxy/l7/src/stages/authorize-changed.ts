import { readHost } from '@tulle/routing'
import { isOfSameOwner, normalisePath } from '@tulle/traffic'
import type { RequestState } from '../request-state.ts'
import { withTrailers } from '../routing/request-view.ts'
import { accessDenied } from './authorize.ts'
import type { Stage } from './stage.ts'

/**
 * A rule of another namespace than the service's is written by whoever calls: what it makes of a request is judged as well,
 * or it would lead its callers to paths that they are not let to. What the service's own rules make of requests is what
 * its access rules mean.
 */
export const authorizeChanged: Stage = (request, { authorizer }) => {
  const { rule, backend, head, method, fields, trailers, downstream } = request
  if (rule === undefined || !isRewritten(request)) return undefined
  if (isOfSameOwner(rule.rule.origin, downstream.service)) return undefined
  const path = request.path === '*' ? undefined : normalisePath(head.path)
  const host = readHost(head.authority)
  if (host === undefined || path?.ok === false) return accessDenied('no-allow-rule')
  const changed = {
    method,
    fields: withTrailers(fields, trailers),
    host,
    path: path === undefined ? request.path : path.path,
    query: path === undefined ? request.query : path.query,
  }
  const destination = backend?.backend.kind === 'service' ? backend.backend : undefined
  const { verdict, refusedBy } = authorizer.authorize(changed, downstream, destination)
  if (!verdict.allowed) {
    request.verdict = verdict
    return accessDenied(verdict.reason)
  }
  if (refusedBy !== undefined) request.refusedBy = new Set([...(request.refusedBy ?? []), ...refusedBy])
  return undefined
}

function isRewritten({ rule, backend }: RequestState): boolean {
  return rule?.filters.rewrite !== undefined || backend?.filters.rewrite !== undefined
}
