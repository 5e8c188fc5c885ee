import type { LocalReply } from '../local-reply.ts'
import type { L7Environment } from '../environment.ts'
import type { RequestState } from '../request-state.ts'

/** One step of a request: it finds something out, or ends the matter with an answer. It neither waits nor throws. */
export type Stage = (request: RequestState, environment: L7Environment) => LocalReply | undefined
