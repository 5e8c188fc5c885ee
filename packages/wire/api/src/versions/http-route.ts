import { z } from 'zod'
import { defined } from '@tulle/core'
import { gatewayGroup } from '../gateway-kinds.ts'
import type {
  HttpRouteMatchSpec,
  HttpRouteObject,
  HttpRouteRuleSpec,
  RouteFilterSpec,
} from '../gateway-kinds.ts'
import {
  backendRefSpec,
  filteredBackendRef,
  durationMs,
  headerName,
  headerValue,
  namedMatch,
  parentRefs,
  parentRefSpec,
  regexFaults,
  repeatedRuleNames,
  sessionPersistence,
  textSet,
  tooManyMatches,
  upTo,
  wildcardHostname,
} from '../gateway-shapes.ts'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { checked, closed, dnsName, nonEmpty, quote, unique } from '../shapes.ts'
import type { Fault } from '../shapes.ts'
import { httpFilters, inNamespace, prefixReplacement } from './route-filters.ts'

const anyPath = { type: 'PathPrefix', value: '/' } as const

const pathMatch = checked(
  closed({
    type: z.enum(['Exact', 'PathPrefix', 'RegularExpression']).default('PathPrefix'),
    value: z.string().max(1024).default('/'),
  }),
  function* ({ type, value }) {
    if (type === 'RegularExpression') yield* regexFaults(value, ['value'])
    else yield* pathFaults(value)
  },
)

const match = closed({
  path: pathMatch.default(anyPath),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']).optional(),
  headers: unique(upTo(namedMatch(headerName, headerValue), 16), ['name']).default([]),
  queryParams: unique(upTo(namedMatch(headerName, boundedText(1024)), 16), ['name']).default([]),
})

const timeouts = checked(
  closed({ request: durationMs.optional(), backendRequest: durationMs.optional() }),
  function* ({ request = 0, backendRequest = 0 }) {
    if (request === 0 || backendRequest <= request) return
    const message = `${backendRequest} ms for one attempt are more than the ${request} ms for the whole request`
    yield { code: 'API_BAD_VALUE', message, path: ['backendRequest'] }
  },
)

const retry = closed({
  codes: textSet(z.int().min(400).max(599), 200).default([]),
  attempts: z.int().min(1).max(100).optional(),
  backoff: durationMs.optional(),
})

const rule = checked(
  closed({
    name: dnsName.optional(),
    matches: upTo(match, 64).optional(),
    filters: httpFilters.default([]),
    backendRefs: upTo(filteredBackendRef(httpFilters), 16).default([]),
    timeouts: timeouts.optional(),
    retry: retry.optional(),
    sessionPersistence: sessionPersistence.optional(),
  }),
  ruleFaults,
)
type RawRule = z.output<typeof rule>

const spec = closed({
  parentRefs: parentRefs.default([]),
  useDefaultGateways: z.enum(['All', 'None']).optional(),
  hostnames: upTo(wildcardHostname, 16).default([]),
  rules: checked(upTo(rule, 16).min(1), function* (rules) {
    yield* repeatedRuleNames(rules)
    yield* tooManyMatches(rules.map(({ matches = [{}] }) => ({ matches })))
  }).prefault([{}]),
})

function httpRoute(version: string): KindVersion {
  return kindVersion({
    group: gatewayGroup,
    version,
    kind: 'HTTPRoute',
    namespaced: true,
    spec,
    misplaced: {
      'spec.rules.match': 'write "matches", a list',
      'spec.rules.timeout': 'write "timeouts": {request: …}',
      'spec.rules.retries': 'write "retry"',
      'spec.rules.backends': 'write "backendRefs"',
      'spec.rules.matches.query': 'write "queryParams"',
      'spec.rules.matches.prefix': 'write "path": {type: PathPrefix, value: …}',
      'spec.rules.sessionPersistence.idleTimeout': 'version v1.6 of the Gateway API took it away',
    },
    toHub: (raw, { namespace }) => httpRouteSpec(raw, namespace),
  })
}

export const httpRouteV1: KindVersion = httpRoute('v1')
export const httpRouteV1beta1: KindVersion = httpRoute('v1beta1')

function httpRouteSpec(raw: z.output<typeof spec>, namespace: string): HttpRouteObject['spec'] {
  return {
    parentRefs: raw.parentRefs.map((ref) => parentRefSpec(ref, namespace)),
    hostnames: raw.hostnames,
    rules: raw.rules.map((one) => ruleSpec(one, namespace)),
  }
}

function ruleSpec(raw: RawRule, namespace: string): HttpRouteRuleSpec {
  const { matches = [], timeouts: times, retry: again, sessionPersistence: session } = raw
  return defined({
    name: raw.name,
    matches:
      matches.length === 0 ? [{ path: anyPath, headers: [], queryParams: [] }] : matches.map(matchSpec),
    filters: inNamespace(raw.filters, namespace),
    backendRefs: raw.backendRefs.map((ref) => ({
      ...backendRefSpec(ref, namespace),
      filters: inNamespace(ref.filters, namespace),
    })),
    requestTimeoutMs: times?.request,
    backendRequestTimeoutMs: times?.backendRequest,
    retry:
      again === undefined
        ? undefined
        : defined({ codes: again.codes, attempts: again.attempts, backoffMs: again.backoff }),
    sessionPersistence: session,
  })
}

function matchSpec({ path, method, headers, queryParams }: z.output<typeof match>): HttpRouteMatchSpec {
  return defined({ path, method, headers, queryParams })
}

function boundedText(maxLength: number): z.ZodType<string> {
  return checked(nonEmpty, function* (value) {
    if (value.length <= maxLength) return
    yield {
      code: 'API_BAD_VALUE',
      message: `found ${value.length} characters; expected at most ${maxLength}`,
    }
  })
}

/** What a normalised path can't have, and what would be read differently by different readers. @see RFC 3986 §3.3 */
function* pathFaults(value: string): Generator<Fault> {
  const path = ['value']
  if (!value.startsWith('/')) {
    yield {
      code: 'API_BAD_VALUE',
      message: `found ${quote(value)}; expected a path that begins with "/"`,
      path,
    }
    return
  }
  const bad = ['//', '/./', '/../', '%2f', '%2F', '#'].find((part) => value.includes(part))
  const end = ['/..', '/.'].find((part) => value.endsWith(part))
  const found = bad ?? end
  if (found !== undefined) {
    const message = `found ${quote(value)}; a path has no ${quote(found)}${bad === undefined ? ' at its end' : ''}`
    yield { code: 'API_BAD_VALUE', message, path }
  } else if (!/^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/u.test(value)) {
    const message = `found ${quote(value)}; expected a path as it is sent: without query, other characters as %20`
    yield { code: 'API_BAD_VALUE', message, path }
  }
}

interface FilteredRule {
  readonly matches?: readonly { readonly path: { readonly type: string } }[] | undefined
  readonly filters: readonly RouteFilterSpec[]
  readonly backendRefs: readonly { readonly filters: readonly RouteFilterSpec[] }[]
}

function* ruleFaults({ matches, filters, backendRefs }: FilteredRule): Generator<Fault> {
  const redirect = filters.findIndex(({ type }) => type === 'RequestRedirect')
  if (redirect >= 0 && backendRefs.length > 0) {
    const message = 'a rule redirects, or has "backendRefs", not both'
    yield { code: 'API_BAD_VALUE', message, path: ['filters', redirect] }
  }
  const [only, ...others] = matches ?? []
  if (only?.path.type === 'PathPrefix' && others.length === 0) return
  const lists = [filters, ...backendRefs.map((ref) => ref.filters)]
  for (const [i, list] of lists.entries()) {
    const at = prefixReplacement(list)
    if (at === undefined) continue
    const message = 'a prefix can be replaced where the rule has exactly one match, of type PathPrefix'
    const path = i === 0 ? ['filters', at] : ['backendRefs', i - 1, 'filters', at]
    yield { code: 'API_BAD_VALUE', message, path }
  }
}
