import { localReply } from '../local-reply.ts'
import type { LocalReply } from '../local-reply.ts'
import type { Stage } from './stage.ts'

/** 403, which gRPC reads as status 7, with a word for people that names no rule: that is for the log. */
export const authorize: Stage = (request, { authorizer }) => {
  const backend = request.backend?.backend
  const destination = backend?.kind === 'service' ? backend : undefined
  const { verdict, refusedBy } = authorizer.authorize(request, request.downstream, destination)
  request.verdict = verdict
  request.refusedBy = refusedBy
  if (verdict.allowed) return undefined
  return accessDenied(verdict.reason)
}

export function accessDenied(reason: string): LocalReply {
  return localReply(403, reason, { flag: 'UAEX', body: 'access denied' })
}
