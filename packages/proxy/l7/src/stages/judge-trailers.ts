import type { Endpoint } from '@tulle/balance'
import { isRefusedBy } from '../choose-endpoint.ts'
import type { L7Environment } from '../environment.ts'
import type { LocalReply } from '../local-reply.ts'
import type { RequestState } from '../request-state.ts'
import type { UpstreamSpec } from '../upstream/cluster.ts'
import { authorizeChanged } from './authorize-changed.ts'
import { accessDenied, authorize } from './authorize.ts'
import { removeClaims } from './decode.ts'

/**
 * Fields behind the payload, before they are forwarded. A backend may merge them into the head, though it should not
 * (RFC 9110 §6.5.1): what they say has been judged as if they had stood there, or it leads past every rule about a header.
 * `endpoint` has the payload already.
 */
export function judgeTrailers(
  request: RequestState,
  endpoint: Endpoint<UpstreamSpec> | undefined,
  environment: L7Environment,
): LocalReply | undefined {
  if (request.trailers === undefined) return undefined
  removeClaims(request.trailers)
  const reply = authorize(request, environment) ?? authorizeChanged(request, environment)
  if (reply !== undefined) return reply
  return endpoint !== undefined && isRefusedBy(request, endpoint) ? accessDenied('no-allow-rule') : undefined
}
