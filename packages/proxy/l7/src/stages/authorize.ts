import { localReply } from '../local-reply.ts'
import type { LocalReply } from '../local-reply.ts'
import type { RequestState } from '../request-state.ts'
import { withTrailers } from '../routing/request-view.ts'
import type { RequestView } from '../routing/request-view.ts'
import type { Stage } from './stage.ts'

/** 403, which gRPC reads as status 7, with a word for people that names no rule: that is for the log. */
export const authorize: Stage = (request, { authorizer }) => {
  const backend = request.backend?.backend
  const destination = backend?.kind === 'service' ? backend : undefined
  const { verdict, refusedBy, basis } = authorizer.authorize(judged(request), request.downstream, destination)
  request.verdict = verdict
  request.refusedBy = refusedBy
  request.judgedBy = basis
  if (verdict.allowed) return undefined
  return accessDenied(verdict.reason)
}

/** The reading that is judged is the one that came, also after filters have changed what is forwarded. */
function judged(request: RequestState): RequestView {
  const { judgedFields, trailers } = request
  if (judgedFields === undefined && trailers === undefined) return request
  const { method, path, query, host, fields } = request
  return { method, path, query, host, fields: withTrailers(judgedFields ?? fields, trailers) }
}

export function accessDenied(reason: string): LocalReply {
  return localReply(403, reason, { flag: 'UAEX', body: 'access denied' })
}
