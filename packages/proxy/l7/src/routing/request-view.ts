import type { Fields } from '@tulle/http1'
import type { RoutedRequest } from '@tulle/routing'

/**
 * The one reading of a request that routing, policy and logs share. What is forwarded is made of the same values, so that
 * nothing can be read in two ways.
 */
export interface RequestView extends RoutedRequest {
  readonly fields: Fields
}

/** Head and trailers as a server that merges them has them. */
export function withTrailers(fields: Fields, trailers: Fields | undefined): Fields {
  if (trailers === undefined) return fields
  const all = fields.copy()
  trailers.forEach((name, value) => all.append(name, value))
  return all
}
