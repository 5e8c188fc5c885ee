import type { L7Environment } from '../environment.ts'
import type { LocalReply } from '../local-reply.ts'
import type { RequestState } from '../request-state.ts'
import { authorizeChanged } from './authorize-changed.ts'
import { authorize } from './authorize.ts'

/**
 * Before an attempt that does not follow at once on the stages: meanwhile an endpoint may have come that would refuse the
 * request, or a policy may have changed. It costs a look where nothing has.
 */
export function judgeAgain(request: RequestState, environment: L7Environment): LocalReply | undefined {
  const { backend, downstream } = request
  const destination = backend?.backend.kind === 'service' ? backend.backend : downstream
  if (environment.authorizer.basisOf(destination) === request.judgedBy) return undefined
  return authorize(request, environment) ?? authorizeChanged(request, environment)
}
