import { z } from 'zod'
import { defined } from '@tulle/core'
import type { CorsSpec, HeaderModifierSpec, PathModifierSpec, RouteFilterSpec } from '../gateway-kinds.ts'
import {
  formedText,
  groupName,
  headerName,
  headerValue,
  kindName,
  objectRef,
  objectRefSpec,
  textSet,
  upTo,
} from '../gateway-shapes.ts'
import { checked, closed, dnsName, nonEmpty, portNumber, quote, unique } from '../shapes.ts'
import type { Fault } from '../shapes.ts'

const headers = unique(upTo(closed({ name: headerName, value: headerValue }), 16), ['name'])
const headerModifier = closed({
  set: headers.default([]),
  add: headers.default([]),
  remove: textSet(headerName, 16).default([]),
})

const replacement = checked(z.string().max(1024), function* (value) {
  if (/^[\x21-\x7e]*$/u.test(value) && !/[?#]/u.test(value)) return
  yield {
    code: 'API_BAD_VALUE',
    message: `found ${quote(value)}; expected a path, without query and fragment`,
  }
})
const pathModifier = checked(
  closed({
    type: z.enum(['ReplaceFullPath', 'ReplacePrefixMatch']),
    replaceFullPath: replacement.optional(),
    replacePrefixMatch: replacement.optional(),
  }),
  function* (modifier) {
    const [own, other] =
      modifier.type === 'ReplaceFullPath'
        ? (['replaceFullPath', 'replacePrefixMatch'] as const)
        : (['replacePrefixMatch', 'replaceFullPath'] as const)
    if (modifier[own] === undefined)
      yield { code: 'API_MISSING_FIELD', message: `missing; the type is ${modifier.type}`, path: [own] }
    if (modifier[other] !== undefined) {
      const message = `the type is ${modifier.type}, which takes ${quote(own)}`
      yield { code: 'API_BAD_VALUE', message, path: [other] }
    }
  },
)

const mirror = checked(
  closed({
    backendRef: objectRef,
    percent: z.int().min(0).max(100).optional(),
    fraction: checked(
      closed({ numerator: z.int().min(0), denominator: z.int().min(1).default(100) }),
      function* ({ numerator, denominator }) {
        if (numerator <= denominator) return
        const message = `found ${numerator} of ${denominator}; expected at most the denominator`
        yield { code: 'API_BAD_VALUE', message, path: ['numerator'] }
      },
    ).optional(),
  }),
  function* ({ percent, fraction }) {
    if (percent === undefined || fraction === undefined) return
    yield { code: 'API_BAD_VALUE', message: 'expected "percent" or "fraction", not both', path: ['fraction'] }
  },
)

const redirect = closed({
  scheme: z.enum(['http', 'https']).optional(),
  hostname: dnsName.optional(),
  path: pathModifier.optional(),
  port: portNumber.optional(),
  statusCode: z.literal([301, 302, 303, 307, 308]).default(302),
})

const rewrite = closed({ hostname: dnsName.optional(), path: pathModifier.optional() })

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const
const origin = formedText({
  what: 'an origin',
  pattern: /^(\*|https?:\/\/((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:[0-9]{1,5})?)$/u,
  expected: 'an origin such as https://*.example.com, or "*"',
})
const cors = closed({
  allowOrigins: loneStar(textSet(origin, 64)).default([]),
  allowCredentials: z.boolean().default(false),
  allowMethods: loneStar(textSet(z.enum([...methods, '*']), 9)).default([]),
  allowHeaders: loneStar(textSet(headerName, 64)).default([]),
  exposeHeaders: textSet(headerName, 64).default([]),
  maxAge: z.int().min(1).max(0x7fff_ffff).default(5),
})

/** "*" means all: what stands beside it would mean nothing. */
function loneStar<S extends z.ZodType<readonly string[]>>(schema: S): S {
  return checked(schema, function* (values) {
    const at = values.indexOf('*')
    if (at < 0 || values.length === 1) return
    yield { code: 'API_BAD_VALUE', message: '"*" means all; nothing else may stand beside it', path: [at] }
  })
}

const extensionRef = closed({ group: groupName, kind: kindName, name: dnsName })
const externalAuth = closed({
  protocol: z.enum(['HTTP', 'GRPC']),
  backendRef: objectRef,
  grpc: closed({ allowedHeaders: upTo(nonEmpty, 64).optional() }).optional(),
  http: closed({
    path: z.string().max(1024).optional(),
    allowedHeaders: upTo(nonEmpty, 64).optional(),
    allowedResponseHeaders: upTo(nonEmpty, 64).optional(),
  }).optional(),
  forwardBody: closed({ maxSize: z.int().min(0).optional() }).optional(),
})

/** Where each type keeps what it says. */
const payloads = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  CORS: 'cors',
  ExtensionRef: 'extensionRef',
  ExternalAuth: 'externalAuth',
} as const
type FilterType = keyof typeof payloads

const grpcPayloads = {
  requestHeaderModifier: headerModifier.optional(),
  responseHeaderModifier: headerModifier.optional(),
  requestMirror: mirror.optional(),
  extensionRef: extensionRef.optional(),
}
const httpFilter = checked(
  closed({
    type: z.enum(Object.keys(payloads) as [FilterType, ...FilterType[]]),
    ...grpcPayloads,
    requestRedirect: redirect.optional(),
    urlRewrite: rewrite.optional(),
    cors: cors.optional(),
    externalAuth: externalAuth.optional(),
  }),
  payloadFaults,
)
const grpcFilter = checked(
  closed({
    type: z.enum(['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef']),
    ...grpcPayloads,
  }),
  payloadFaults,
)
type RawFilter = z.output<typeof httpFilter>

/** Backends without a namespace have '' there: `inNamespace` fills it in. */
export const httpFilters: z.ZodType<readonly RouteFilterSpec[]> = checked(
  upTo(httpFilter, 16),
  filterListFaults,
).transform(filterSpecs)
export const grpcFilters: z.ZodType<readonly RouteFilterSpec[]> = checked(
  upTo(grpcFilter, 16),
  filterListFaults,
).transform(filterSpecs)

/** The filters as an object of this namespace means them. */
export function inNamespace(
  filters: readonly RouteFilterSpec[],
  namespace: string,
): readonly RouteFilterSpec[] {
  return filters.map((filter) => {
    if (filter.type !== 'RequestMirror' || filter.backendRef.namespace !== '') return filter
    return { ...filter, backendRef: { ...filter.backendRef, namespace } }
  })
}

function* payloadFaults(filter: { readonly type: FilterType }): Generator<Fault> {
  const own = payloads[filter.type]
  const written: Readonly<Record<string, unknown>> = { ...filter }
  if (written[own] === undefined)
    yield { code: 'API_MISSING_FIELD', message: `missing; the filter is a ${filter.type}`, path: [own] }
  for (const other of Object.values(payloads)) {
    if (other === own || written[other] === undefined) continue
    const message = `the filter is a ${filter.type}, which takes ${quote(own)}`
    yield { code: 'API_BAD_VALUE', message, path: [other] }
  }
}

const repeatable: ReadonlySet<string> = new Set(['RequestMirror', 'ExtensionRef', 'ExternalAuth'])

/** @see HTTPRouteRule.filters of the Gateway API: the same filter twice, or a redirect beside a rewrite, means nothing */
function* filterListFaults(filters: readonly { readonly type: string }[]): Generator<Fault> {
  for (const [i, { type }] of filters.entries()) {
    const first = filters.findIndex((filter) => filter.type === type)
    if (first === i || repeatable.has(type)) continue
    const message = `entry [${first}] is a ${type} already; expected each type once`
    yield { code: 'API_DUPLICATE_NAME', message, path: [i, 'type'] }
  }
  const redirects = filters.findIndex(({ type }) => type === 'RequestRedirect')
  if (redirects >= 0 && filters.some(({ type }) => type === 'URLRewrite')) {
    const message = 'a RequestRedirect and a URLRewrite exclude one another'
    yield { code: 'API_BAD_VALUE', message, path: [redirects] }
  }
}

/** The place of the replacement of a prefix, which needs to know the prefix; undefined where there is none. */
export function prefixReplacement(filters: readonly RouteFilterSpec[]): number | undefined {
  const found = filters.findIndex(
    (filter) =>
      (filter.type === 'RequestRedirect' || filter.type === 'URLRewrite') &&
      filter.path?.type === 'ReplacePrefixMatch',
  )
  return found < 0 ? undefined : found
}

/** The checks have seen to it that each filter has what its type says. */
function filterSpecs(filters: readonly RawFilter[]): readonly RouteFilterSpec[] {
  return filters.flatMap((filter) => filterSpec(filter) ?? [])
}

function filterSpec(filter: RawFilter): RouteFilterSpec | undefined {
  switch (filter.type) {
    case 'RequestHeaderModifier':
      return { type: filter.type, requestHeaderModifier: modifierSpec(filter.requestHeaderModifier) }
    case 'ResponseHeaderModifier':
      return { type: filter.type, responseHeaderModifier: modifierSpec(filter.responseHeaderModifier) }
    case 'RequestMirror':
      return filter.requestMirror === undefined ? undefined : mirrorSpec(filter.requestMirror)
    case 'RequestRedirect': {
      const { scheme, hostname, path, port, statusCode = 302 } = filter.requestRedirect ?? {}
      return defined({ type: filter.type, scheme, hostname, path: pathSpec(path), port, statusCode })
    }
    case 'URLRewrite': {
      const { hostname, path } = filter.urlRewrite ?? {}
      return defined({ type: filter.type, hostname, path: pathSpec(path) })
    }
    case 'CORS':
      return filter.cors === undefined ? undefined : { type: filter.type, cors: corsSpec(filter.cors) }
    case 'ExtensionRef':
      return filter.extensionRef === undefined ? undefined : { type: filter.type, ...filter.extensionRef }
    case 'ExternalAuth':
      return { type: filter.type }
  }
}

function modifierSpec(raw: z.output<typeof headerModifier> | undefined): HeaderModifierSpec {
  return raw ?? { set: [], add: [], remove: [] }
}

function mirrorSpec(raw: z.output<typeof mirror>): RouteFilterSpec {
  const fraction = raw.fraction ?? { numerator: raw.percent ?? 100, denominator: 100 }
  return { type: 'RequestMirror', backendRef: objectRefSpec(raw.backendRef, ''), fraction }
}

function pathSpec(raw: z.output<typeof pathModifier> | undefined): PathModifierSpec | undefined {
  if (raw === undefined) return undefined
  const { type, replaceFullPath = '', replacePrefixMatch = '' } = raw
  return type === 'ReplaceFullPath' ? { type, replaceFullPath } : { type, replacePrefixMatch }
}

function corsSpec({ maxAge, ...rest }: z.output<typeof cors>): CorsSpec {
  return { ...rest, maxAgeSeconds: maxAge }
}
