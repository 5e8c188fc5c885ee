import type { Downstream } from './downstream.ts'
import type { RequestView } from './routing/request-view.ts'

export interface HttpVerdict {
  readonly allowed: boolean
  /** What decided, as people know it; undefined where nothing speaks of the request. */
  readonly policy: string | undefined
  readonly rule: string | undefined
  /** One word, for the log: `default`, `matched`, `denied`, `no_match` … */
  readonly reason: string
  /** Refused if what only watches were in force. */
  readonly wouldRefuse: string | undefined
}

/**
 * Decides about a request from what is certain: the connection's peer, and the one reading that is routed and forwarded.
 * It answers at once and never throws.
 */
export interface HttpAuthorizer {
  authorize(request: RequestView, downstream: Downstream): HttpVerdict
}

const passes: HttpVerdict = {
  allowed: true,
  policy: undefined,
  rule: undefined,
  reason: 'default',
  wouldRefuse: undefined,
}

/** Where there is nothing to enforce. */
export const allowAll: HttpAuthorizer = { authorize: () => passes }
