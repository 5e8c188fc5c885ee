import type { RequestFate } from '@tulle/http1'
import { http2Error } from '@tulle/http2'
import type { RetryRule } from '@tulle/traffic'
import type { RequestState } from './request-state.ts'

/** Where nothing else is said: a connection that could not be made is tried elsewhere. */
const defaultRetry: RetryRule = {
  attempts: 2,
  backoffMs: 25,
  statusCodes: [],
  onConnectionError: true,
  onReset: false,
}

/** What the rule says goes before what is attached to it, and that before what is attached to the service. */
export function retryRuleOf({ rule, cluster }: Pick<RequestState, 'rule' | 'cluster'>): RetryRule {
  return rule?.rule.retry ?? rule?.rule.resilience?.retry ?? cluster?.resilience.config.retry ?? defaultRetry
}

/** RFC 9110 §9.2.2. */
const idempotent: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'TRACE'])

export interface FailedAttempt {
  readonly fate: RequestFate
  /** The connection had been made. */
  readonly connected: boolean
  readonly method: string
}

/** Whether it is the request that can't be sent, or not in that version: no endpoint is to blame, and none would take it. */
export function isUnsendable(code: number, fate: RequestFate): boolean {
  return fate === 'unsent' && (code === http2Error.protocolError || code === http2Error.http11Required)
}

/**
 * Whether a connection that had served before was closed under the request, or said that it would not look at it: nobody's fault,
 * and sent again whatever rules say.
 */
export function isRace({ fate, connected, method }: FailedAttempt): boolean {
  return connected && (fate === 'unsent' || (fate === 'reused' && idempotent.has(method)))
}
