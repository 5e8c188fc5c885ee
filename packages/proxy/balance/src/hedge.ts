import type { Hedging } from '@tulle/traffic'

export interface HedgedRequest {
  /** Attempts that were begun. */
  readonly attempts: number
  readonly method: string
  /** Whether it can be sent once more: its body is empty or kept. */
  readonly isRepeatable: boolean
}

/** Methods that change nothing, so that two of them are as good as one (RFC 9110 §9.2.1). */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * After how long without an answer another attempt is begun beside those under way; undefined: not at all. A hedge is taken
 * from the retry budget, goes to another endpoint, and the first answer wins.
 */
export function hedgeAfterMs(hedging: Hedging | undefined, request: HedgedRequest): number | undefined {
  if (hedging === undefined || request.attempts >= hedging.maxAttempts) return undefined
  return request.isRepeatable && safeMethods.has(request.method) ? hedging.delayMs : undefined
}
