import type { RequestFate } from '@tulle/http1'
import type { RetryRule } from '@tulle/traffic'

/** Where nothing else is said: a connection that could not be made is tried elsewhere. */
export const defaultRetry: RetryRule = {
  attempts: 2,
  backoffMs: 25,
  statusCodes: [],
  onConnectionError: true,
  onReset: false,
}

/** RFC 9110 §9.2.2. */
const idempotent: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'TRACE'])

export interface FailedAttempt {
  readonly fate: RequestFate
  /** The connection had been made. */
  readonly connected: boolean
  readonly method: string
}

/**
 * `free`: a connection that had served before was closed under the request, which is nobody's fault and is not counted.
 * `counted`: a repeat as the rule has it, within the budget.
 */
export type Repeat = 'free' | 'counted' | 'never'

export function repeatAfterReset({ fate, connected, method }: FailedAttempt, rule: RetryRule): Repeat {
  if (fate === 'unsent' && connected) return 'free'
  if (fate === 'reused' && idempotent.has(method)) return 'free'
  if (fate === 'answered') return 'never'
  const asked = connected ? rule.onReset : rule.onConnectionError
  return asked ? 'counted' : 'never'
}

/** The pause before the repeat of this number, from 1: at least what the rule says, doubling, and up to half as much again by chance. */
export function backoffBefore(repeat: number, rule: RetryRule, chance: number): number {
  const doubled = rule.backoffMs * 2 ** Math.min(repeat - 1, 10)
  return doubled * (1 + chance / 2)
}
