import type { RequestFate } from '@tulle/http1'
import { http2Error } from '@tulle/http2'
import { localReply } from './local-reply.ts'
import type { LocalReply } from './local-reply.ts'

export const noEndpoint: LocalReply = localReply(503, 'no_endpoints', {
  flag: 'UH',
  body: 'no endpoint is ready',
})
export const overloaded: LocalReply = localReply(503, 'overloaded', {
  flag: 'UO',
  body: 'too many connections',
})
export const tooManyWaiting: LocalReply = localReply(503, 'pending_full', {
  flag: 'UO',
  body: 'too many requests wait for a connection',
})
/** GEP-3388: whatever the last answer was. */
export const budgetSpent: LocalReply = localReply(503, 'retry_budget', {
  flag: 'URX',
  body: 'too many repeats',
})
export const tooLate: LocalReply = localReply(504, 'timeout', { flag: 'UT', body: 'no answer in time' })

const noExtendedConnect =
  'the endpoint speaks HTTP/2 and takes no extended CONNECT: say http as the appProtocol of its port if it takes upgrades of HTTP/1.1'

/** 503 where an endpoint could not be reached, 502 where it answered with what is no answer. */
export function failureReply(code: number, fate: RequestFate, connected: boolean): LocalReply {
  if (fate === 'unsent' && code === http2Error.protocolError)
    return localReply(400, 'unsendable', { flag: 'DPE', body: 'the request cannot be forwarded' })
  if (fate === 'unsent' && code === http2Error.http11Required)
    return localReply(501, 'no_extended_connect', { flag: 'DPE', body: noExtendedConnect })
  if (!connected)
    return localReply(503, 'connect_failed', { flag: 'UF', body: 'no connection to the endpoint' })
  if (code === http2Error.protocolError)
    return localReply(502, 'bad_answer', { flag: 'UC', body: 'the endpoint sent a broken answer' })
  return localReply(503, 'upstream_reset', { flag: 'UC', body: 'the endpoint broke off' })
}
