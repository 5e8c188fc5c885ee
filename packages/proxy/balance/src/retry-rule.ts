import type { Rng } from '@tulle/core'
import type { RetryRule } from '@tulle/traffic'

/** How an attempt failed, or what it answered. */
export type AttemptResult =
  | { readonly kind: 'status'; readonly status: number }
  /** No connection, or one that was gone before the request was on it; a stream that the peer says it did not look at. */
  | { readonly kind: 'connection' }
  /** The exchange broke off: the request may have been acted upon. */
  | { readonly kind: 'reset' }
  /** The attempt's own time was over: counts as 504. */
  | { readonly kind: 'timeout' }

const gatewayTimeout = 504

/**
 * Whether the rule wants a repeat after this result and `repeats` earlier ones. That the request can be sent again (its body
 * is kept, nothing has been answered to the client) and that the budget has one is for the caller to see.
 */
export function wantsRepeat(rule: RetryRule | undefined, repeats: number, result: AttemptResult): boolean {
  if (rule === undefined || repeats >= rule.attempts) return false
  switch (result.kind) {
    case 'status':
      return rule.statusCodes.includes(result.status)
    case 'timeout':
      return rule.statusCodes.includes(gatewayTimeout)
    case 'connection':
      return rule.onConnectionError
    case 'reset':
      return rule.onReset
  }
}

/** A repeat waits no longer than so many times the first one's least time. */
const maxBackoffFactor = 10

/**
 * How long to wait before repeat number `repeat` (from 1): at least the rule's time, doubled each time up to ten times, and
 * up to as much again by chance, so that callers do not come back together. @see Gateway API, GEP-1731: backoff is a minimum.
 */
export function backoffOf(rule: RetryRule, repeat: number, rng: Rng): number {
  const leastMs = rule.backoffMs * Math.min(2 ** Math.min(repeat - 1, 30), maxBackoffFactor)
  return leastMs * (1 + rng.next())
}
