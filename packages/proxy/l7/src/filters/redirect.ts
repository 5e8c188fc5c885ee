import type { HttpFilter } from '@tulle/traffic'
import type { LocalReply } from '../local-reply.ts'
import { localReply } from '../local-reply.ts'
import type { RequestView } from '../routing/request-view.ts'
import { changePath } from './path-change.ts'

export type Redirect = Extract<HttpFilter, { readonly kind: 'redirect' }>

/** How the request came in, as far as a redirect speaks of it. */
export interface RedirectOrigin {
  readonly scheme: 'http' | 'https'
  /** The port that was addressed. */
  readonly port: number
}

const wellKnownPorts = { http: 80, https: 443 } as const

/**
 * A redirect with a whole URL. A scheme that it names brings its own port, else the port that was addressed stays.
 * @see https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter
 */
export function redirectReply(redirect: Redirect, request: RequestView, origin: RedirectOrigin): LocalReply {
  const scheme = redirect.scheme ?? origin.scheme
  const port =
    redirect.port ?? (redirect.scheme === undefined ? origin.port : wellKnownPorts[redirect.scheme])
  const host = redirect.host ?? request.host
  const authority = port === wellKnownPorts[scheme] ? host : `${host}:${port}`
  const path = redirect.path === undefined ? request.path : changePath(request.path, redirect.path)
  const query = request.query === '' ? '' : `?${request.query}`
  return localReply(redirect.status, 'redirect', {
    headers: ['location', `${scheme}://${authority}${path}${query}`],
  })
}
