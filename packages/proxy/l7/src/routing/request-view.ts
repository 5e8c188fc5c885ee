import type { Fields } from '@tulle/http1'
import type { RoutedRequest } from '@tulle/routing'

/**
 * The one reading of a request that routing, policy and logs share. What is forwarded is made of the same values, so that
 * nothing can be read in two ways.
 */
export interface RequestView extends RoutedRequest {
  readonly fields: Fields
}
