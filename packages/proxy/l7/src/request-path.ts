import type { L7Environment } from './environment.ts'
import type { LocalReply } from './local-reply.ts'
import type { RequestState } from './request-state.ts'
import { admit } from './stages/admit.ts'
import { authorizeChanged } from './stages/authorize-changed.ts'
import { authorize } from './stages/authorize.ts'
import { balance } from './stages/balance.ts'
import { decode } from './stages/decode.ts'
import { filters } from './stages/filters.ts'
import { normalise } from './stages/normalise.ts'
import { route } from './stages/route.ts'
import { sessionOfRule, sessionOfService } from './stages/session.ts'
import type { Stage } from './stages/stage.ts'

/**
 * The way of a request, from the codec to the choice of endpoints. What then takes time, the attempts (`stages/attempt.ts`)
 * and the answer's way back (`stages/encode.ts`), is led by `RequestRun`.
 */
export const requestPath: readonly Stage[] = [
  decode,
  normalise,
  route,
  sessionOfRule,
  authorize,
  filters,
  authorizeChanged,
  balance,
  sessionOfService,
  admit,
]

/** Undefined: it may be forwarded. */
export function walkRequestPath(request: RequestState, environment: L7Environment): LocalReply | undefined {
  for (const stage of requestPath) {
    const reply = stage(request, environment)
    if (reply !== undefined) return reply
  }
  return undefined
}
