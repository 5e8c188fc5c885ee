import { z } from 'zod'
import { defined } from '@tulle/core'
import { gatewayGroup } from '../gateway-kinds.ts'
import type { GrpcRouteMatchSpec, GrpcRouteObject, GrpcRouteRuleSpec } from '../gateway-kinds.ts'
import {
  backendRefSpec,
  filteredBackendRef,
  headerName,
  namedMatch,
  parentRefs,
  parentRefSpec,
  regexFaults,
  repeatedRuleNames,
  sessionPersistence,
  tooManyMatches,
  upTo,
  wildcardHostname,
} from '../gateway-shapes.ts'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { checked, closed, dnsName, nonEmpty, quote, unique } from '../shapes.ts'
import type { Fault } from '../shapes.ts'
import { grpcFilters, inNamespace } from './route-filters.ts'

const method = checked(
  closed({
    type: z.enum(['Exact', 'RegularExpression']).default('Exact'),
    service: z.string().max(1024).optional(),
    method: z.string().max(1024).optional(),
  }),
  methodFaults,
)

const match = closed({
  method: method.optional(),
  headers: unique(upTo(namedMatch(headerName, nonEmpty), 16), ['name']).default([]),
})

const rule = closed({
  name: dnsName.optional(),
  matches: upTo(match, 64).default([]),
  filters: grpcFilters.default([]),
  backendRefs: upTo(filteredBackendRef(grpcFilters), 16).default([]),
  sessionPersistence: sessionPersistence.optional(),
})

const spec = closed({
  parentRefs: parentRefs.default([]),
  useDefaultGateways: z.enum(['All', 'None']).optional(),
  hostnames: upTo(wildcardHostname, 16).default([]),
  rules: checked(upTo(rule, 16), function* (rules) {
    yield* repeatedRuleNames(rules)
    yield* tooManyMatches(rules)
  }).default([]),
})

export const grpcRouteV1: KindVersion = kindVersion({
  group: gatewayGroup,
  version: 'v1',
  kind: 'GRPCRoute',
  namespaced: true,
  spec,
  misplaced: {
    'spec.rules.timeouts': 'an HTTPRoute has them; a GRPCRoute has none in v1.6 of the Gateway API',
    'spec.rules.retry': 'an HTTPRoute has it; a GRPCRoute has none in v1.6 of the Gateway API',
    'spec.rules.matches.path': 'write "method": {service: …, method: …}',
    'spec.rules.matches.service': 'it belongs under "method"',
  },
  toHub: (raw, { namespace }) => grpcRouteSpec(raw, namespace),
})

function grpcRouteSpec(raw: z.output<typeof spec>, namespace: string): GrpcRouteObject['spec'] {
  return {
    parentRefs: raw.parentRefs.map((ref) => parentRefSpec(ref, namespace)),
    hostnames: raw.hostnames,
    rules: raw.rules.map((one) => ruleSpec(one, namespace)),
  }
}

function ruleSpec(raw: z.output<typeof rule>, namespace: string): GrpcRouteRuleSpec {
  const { sessionPersistence: session } = raw
  return defined({
    name: raw.name,
    matches: raw.matches.length === 0 ? [{ headers: [] }] : raw.matches.map(matchSpec),
    filters: inNamespace(raw.filters, namespace),
    backendRefs: raw.backendRefs.map((ref) => ({
      ...backendRefSpec(ref, namespace),
      filters: inNamespace(ref.filters, namespace),
    })),
    sessionPersistence: session,
  })
}

function matchSpec(raw: z.output<typeof match>): GrpcRouteMatchSpec {
  return defined({ headers: raw.headers, method: raw.method === undefined ? undefined : defined(raw.method) })
}

/** @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: the path is /package.Service/Method */
function* methodFaults(value: {
  readonly type: 'Exact' | 'RegularExpression'
  readonly service?: string | undefined
  readonly method?: string | undefined
}): Generator<Fault> {
  const { type, service, method: name } = value
  if (service === undefined && name === undefined) {
    const message = 'expected "service", "method" or both; leave the field out for every call'
    yield { code: 'API_MISSING_FIELD', message }
  }
  if (type === 'RegularExpression') {
    if (service !== undefined) yield* regexFaults(service, ['service'])
    if (name !== undefined) yield* regexFaults(name, ['method'])
    return
  }
  if (service !== undefined && !/^[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$/iu.test(service)) {
    const message = `found ${quote(service)}; expected the name of a service such as bookstore.v1.Books`
    yield { code: 'API_BAD_VALUE', message, path: ['service'] }
  }
  if (name !== undefined && !/^[A-Za-z_][A-Za-z_0-9]*$/u.test(name)) {
    const message = `found ${quote(name)}; expected the name of a method such as GetBook`
    yield { code: 'API_BAD_VALUE', message, path: ['method'] }
  }
}
