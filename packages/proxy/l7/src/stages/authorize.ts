import { localReply } from '../local-reply.ts'
import type { Stage } from './stage.ts'

/** 403, which gRPC reads as status 7, with a word for people that names no rule: that is for the log. */
export const authorize: Stage = (request, { authorizer }) => {
  const verdict = authorizer.authorize(request, request.downstream)
  request.verdict = verdict
  if (verdict.allowed) return undefined
  return localReply(403, verdict.reason, { flag: 'UAEX', body: 'access denied' })
}
