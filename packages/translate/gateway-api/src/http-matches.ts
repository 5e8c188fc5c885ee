import type { GrpcRouteMatchSpec, HttpRouteMatchSpec, NamedMatchSpec } from '@tulle/api'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { patternFault } from '@tulle/patterns'
import { normalisePath } from '@tulle/traffic'
import type { HttpMatch, NamedMatch, PathMatch, ValueMatch } from '@tulle/traffic'
import type { Rank } from './route-types.ts'

export interface RankedMatch {
  readonly match: HttpMatch
  readonly rank: Rank
}

/** Regular expressions rank between exact paths and prefixes, the longer first: the spec leaves it to us. */
const pathRanks = { Exact: 2, RegularExpression: 1, PathPrefix: 0 } as const

/**
 * A match of an HTTPRoute, and its rank: exact path, longest prefix, method, most headers, most query parameters.
 * @see HTTPRouteRule.matches of the Gateway API
 */
export function httpMatch(spec: HttpRouteMatchSpec): Result<RankedMatch> {
  const path = pathMatch(spec.path)
  if (!path.ok) return path
  const headers = headerMatches(spec.headers)
  const query = firstOfEachName(spec.queryParams, (name) => name).map(namedMatch)
  const { method } = spec
  const match: HttpMatch = {
    ...(path.value === undefined ? {} : { path: path.value }),
    methods: method === undefined ? [] : [method],
    headers,
    query,
  }
  const { type, value } = spec.path
  const rank = [pathRanks[type], value.length, method === undefined ? 0 : 1, headers.length, query.length]
  return ok({ match, rank })
}

function pathMatch({ type, value }: HttpRouteMatchSpec['path']): Result<PathMatch | undefined> {
  if (type === 'RegularExpression') return ok({ kind: 'pattern', pattern: { source: value, anchor: 'full' } })
  // Requests are matched by their normal path: a spelling that no normal path has would match nothing.
  const normal = normalisePath(value)
  if (!normal.ok) return err(normal.reason)
  if (type === 'Exact') return ok({ kind: 'exact', path: normal.path })
  const prefix = withoutEndSlash(normal.path)
  return ok(prefix === '/' ? undefined : { kind: 'prefix', path: prefix })
}

/** The prefix that a match has, as requests are matched; undefined where it has none. */
export function prefixOf({ path }: HttpRouteMatchSpec): string | undefined {
  if (path.type !== 'PathPrefix') return undefined
  const normal = normalisePath(path.value)
  return normal.ok ? withoutEndSlash(normal.path) : undefined
}

/** A prefix goes by path elements, with or without a slash at its end. */
function withoutEndSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/**
 * A match of a GRPCRoute, by the path that its method has: longest service, longest method, most headers; names before
 * regular expressions, which the spec leaves to us.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, GRPCRouteRule.matches of the Gateway API
 */
export function grpcMatch({ method, headers: names }: GrpcRouteMatchSpec): Result<RankedMatch> {
  const headers = headerMatches(names)
  const path = method === undefined ? undefined : grpcPath(method)
  // Each part was sound when it was read; together they may be more than one pattern may be.
  const fault = path?.kind === 'pattern' ? patternFault(path.pattern.source) : undefined
  if (fault !== undefined) return err(fault)
  const match: HttpMatch = {
    ...(path === undefined ? {} : { path }),
    methods: ['POST'],
    headers,
    query: [],
  }
  const exact = method?.type === 'Exact' ? 1 : 0
  const [service = '', name = ''] = [method?.service, method?.method]
  const rank = [
    service === '' ? 0 : exact,
    service.length,
    name === '' ? 0 : exact,
    name.length,
    headers.length,
  ]
  return ok({ match, rank })
}

function grpcPath({ type, service, method }: NonNullable<GrpcRouteMatchSpec['method']>): PathMatch {
  if (type === 'Exact' && service !== undefined) {
    return method === undefined
      ? { kind: 'prefix', path: `/${service}` }
      : { kind: 'exact', path: `/${service}/${method}` }
  }
  // Names of methods have letters, digits and "_" only, which mean themselves in an expression.
  const part = (text: string | undefined): string => (text === undefined ? '[^/]+' : `(?:${text})`)
  return { kind: 'pattern', pattern: { source: `/${part(service)}/${part(method)}`, anchor: 'full' } }
}

/** Names without case; of two with one name the first holds. `Host` is the authority, without its port. */
function headerMatches(specs: readonly NamedMatchSpec[]): readonly NamedMatch[] {
  return firstOfEachName(specs, (name) => name.toLowerCase()).map((spec) =>
    spec.name.toLowerCase() === 'host'
      ? hostMatch(spec)
      : namedMatch({ ...spec, name: spec.name.toLowerCase() }),
  )
}

function hostMatch(spec: NamedMatchSpec): NamedMatch {
  const value = spec.type === 'Exact' ? spec.value.toLowerCase().replace(/:[0-9]+$/u, '') : spec.value
  return namedMatch({ ...spec, name: ':authority', value })
}

function namedMatch({ name, type, value }: NamedMatchSpec): NamedMatch {
  const wanted: ValueMatch =
    type === 'Exact'
      ? { kind: 'exact', value }
      : { kind: 'pattern', pattern: { source: value, anchor: 'full' } }
  return { name, value: wanted }
}

function firstOfEachName(
  specs: readonly NamedMatchSpec[],
  nameOf: (name: string) => string,
): readonly NamedMatchSpec[] {
  return specs.filter(({ name }, i) => specs.findIndex((other) => nameOf(other.name) === nameOf(name)) === i)
}
