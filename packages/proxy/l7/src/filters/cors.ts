import type { Fields } from '@tulle/http1'
import type { CorsFilter } from '@tulle/traffic'
import type { LocalReply } from '../local-reply.ts'
import { localReply } from '../local-reply.ts'

/** Browsers send these without asking (Fetch §CORS-safelisted method). */
const safelistedMethods = ['GET', 'HEAD', 'POST']
/** What a star may stand for in an origin: never a way out of the host. */
const withinHost = /^[a-z0-9.\-:[\]]+$/u
/** Echoed only where it can be nothing but a list of tokens. */
const tokenList = /^[!#$%&'*+\-.^_`|~0-9A-Za-z, \t]*$/u
const maxEchoedLength = 4096

type OriginTest = (origin: string) => boolean

/** One CORS filter, ready to answer. @see https://fetch.spec.whatwg.org/#http-cors-protocol */
export class Cors {
  readonly #filter: CorsFilter
  readonly #origins: readonly OriginTest[]

  constructor(filter: CorsFilter) {
    this.#filter = filter
    this.#origins = filter.allowOrigins.map(compileOrigin)
  }

  /** The answer to a preflight; undefined for every other request. */
  preflight(method: string, fields: Fields): LocalReply | undefined {
    if (method !== 'OPTIONS') return undefined
    const origin = fields.get('origin')
    const asked = fields.get('access-control-request-method')
    if (origin === undefined || asked === undefined) return undefined
    if (!this.#allows(origin)) return localReply(403, 'cors_origin_refused', {})
    const headers = ['access-control-allow-origin', origin, 'vary', 'origin']
    const add = (name: string, value: string): void => {
      if (value !== '') headers.push(`access-control-${name}`, value)
    }
    const { allowCredentials, allowMethods, allowHeaders, maxAgeSeconds } = this.#filter
    const methods = allowMethods.includes('*')
      ? [asked]
      : [...new Set([...safelistedMethods, ...allowMethods])]
    const askedHeaders = fields.get('access-control-request-headers') ?? ''
    add('allow-methods', echoed(methods.join(', ')))
    add('allow-headers', allowHeaders.includes('*') ? echoed(askedHeaders) : allowHeaders.join(', '))
    if (allowCredentials) add('allow-credentials', 'true')
    add('max-age', `${maxAgeSeconds}`)
    return localReply(204, 'cors_preflight', { headers })
  }

  /** Says on a response what the request's origin may read of it; whatever the backend said of that is replaced. */
  mark(origin: string | undefined, fields: Fields): void {
    for (const name of ['allow-origin', 'allow-credentials', 'expose-headers'])
      fields.remove(`access-control-${name}`)
    if (!fields.values('vary').includes('origin')) fields.append('vary', 'origin')
    if (origin === undefined || !this.#allows(origin)) return
    const { allowCredentials, exposeHeaders } = this.#filter
    fields.set('access-control-allow-origin', origin)
    if (allowCredentials) fields.set('access-control-allow-credentials', 'true')
    // With credentials a star would be a header of that name.
    const exposed = allowCredentials ? exposeHeaders.filter((name) => name !== '*') : exposeHeaders
    if (exposed.length > 0) fields.set('access-control-expose-headers', exposed.join(', '))
  }

  #allows(origin: string): boolean {
    return this.#origins.some((test) => test(origin))
  }
}

function echoed(list: string): string {
  return list.length <= maxEchoedLength && tokenList.test(list) ? list : ''
}

/** A star stands for as much as it can within the host. `*` alone is any origin. */
function compileOrigin(allowed: string): OriginTest {
  if (allowed === '*') return () => true
  const star = allowed.indexOf('*')
  if (star < 0) return (origin) => origin === allowed
  const [before, after] = [allowed.slice(0, star), allowed.slice(star + 1)]
  return (origin) =>
    origin.length > before.length + after.length &&
    origin.startsWith(before) &&
    origin.endsWith(after) &&
    withinHost.test(origin.slice(before.length, origin.length - after.length))
}
