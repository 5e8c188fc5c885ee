import type { HttpMatch, NamedMatch, PathMatch, ValueMatch } from '@tulle/traffic'
import { firstQueryValue } from './query.ts'
import type { RoutedRequest } from './routed-request.ts'

/** `path /v2…, method GET, header x-tag = blue`: what a match asks for, for people. */
export function describeMatch(match: HttpMatch): string {
  const parts = partsOf(match).map(wanted)
  return parts.length === 0 ? 'any request' : parts.join(', ')
}

/** What of a match a request does not meet. */
export interface Lack {
  /** Each in words for people; none: it is covered. */
  readonly why: readonly string[]
  /** How far it is: another path is as much as two other things. */
  readonly distance: number
}

/**
 * `holds` is asked about one condition at a time, as a match of its own, so that whoever decides by the match also decides
 * here.
 */
export function lackOf(match: HttpMatch, request: RoutedRequest, holds: (part: HttpMatch) => boolean): Lack {
  const missed = partsOf(match).filter((part) => !holds(part))
  return {
    why: missed.map((part) => `it wants ${wanted(part)}, and ${found(part, request)}`),
    distance: missed.length + missed.filter(({ path }) => path !== undefined).length,
  }
}

/** How many conditions a match has. */
export function conditionCount(match: HttpMatch): number {
  return partsOf(match).length
}

/** One condition each. */
function partsOf({ path, methods, headers, query }: HttpMatch): readonly HttpMatch[] {
  const none = { methods: [], headers: [], query: [] }
  return [
    ...(path === undefined ? [] : [{ ...none, path }]),
    ...(methods.length === 0 ? [] : [{ ...none, methods }]),
    ...headers.map((header) => ({ ...none, headers: [header] })),
    ...query.map((parameter) => ({ ...none, query: [parameter] })),
  ]
}

function wanted({ path, methods, headers: [header], query: [parameter] }: HttpMatch): string {
  if (path !== undefined) return `path ${pathText(path)}`
  if (header !== undefined) return `${headerName(header)} ${valueText(header.value)}`
  if (parameter !== undefined) return `query parameter ${parameter.name} ${valueText(parameter.value)}`
  return `method ${methods.join(' or ')}`
}

function found({ path, headers: [header], query: [parameter] }: HttpMatch, request: RoutedRequest): string {
  if (path !== undefined) return `the path is ${request.path}`
  if (header !== undefined) {
    if (header.name === ':authority' || header.name === 'host') return `the host is ${request.host}`
    return foundText(request.fields.get(header.name))
  }
  if (parameter !== undefined) return foundText(firstQueryValue(request.query, parameter.name))
  return `the method is ${request.method}`
}

function foundText(value: string | undefined): string {
  return value === undefined ? 'there is none' : `it is ${JSON.stringify(value)}`
}

function headerName({ name }: NamedMatch): string {
  return name === ':authority' || name === 'host' ? 'host' : `header ${name}`
}

function pathText(path: PathMatch): string {
  switch (path.kind) {
    case 'exact':
      return `= ${path.path}`
    case 'prefix':
      return `under ${path.path}`
    case 'pattern':
      return `~ ${path.pattern.source}`
  }
}

function valueText(value: ValueMatch): string {
  return value.kind === 'exact' ? `= ${value.value}` : `~ ${value.pattern.source}`
}
