import type { Fields } from '@tulle/http1'

/**
 * The one reading of a request that routing, policy and logs share. What is forwarded is made of the same values, so that
 * nothing can be read in two ways.
 */
export interface RequestView {
  readonly method: string
  /** Normalised, without the query. */
  readonly path: string
  /** As it was sent, without the question mark; empty where there is none. */
  readonly query: string
  /** Lower case, without port and final dot. */
  readonly host: string
  readonly fields: Fields
}
