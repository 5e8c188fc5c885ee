import type { Backend, HttpFilter, PathChange, RuleOrigin, WeightedBackend } from '@tulle/traffic'
import { unreachable } from '@tulle/core'
import { originNames } from './enum-names.ts'
import type {
  BackendInit,
  FilterInit,
  FilterKindInit,
  OriginInit,
  PathChangeInit,
  WeightedBackendInit,
} from './message-init.ts'

export function weightedBackendMessage({ backend, weight, filters }: WeightedBackend): WeightedBackendInit {
  return { backend: backendMessage(backend), weight, filters: filters.map(filterMessage) }
}

export function backendMessage(backend: Backend): BackendInit {
  if (backend.kind === 'service') {
    const { service, port } = backend
    return { kind: { case: 'service', value: { service, port } } }
  }
  const { status, reason } = backend
  return { kind: { case: 'invalid', value: { status, reason } } }
}

export function originMessage({ kind, namespace, name, rule, ruleName }: RuleOrigin): OriginInit {
  return {
    kind: originNames.numberOf[kind],
    namespace,
    name,
    rule,
    ...(ruleName === undefined ? {} : { ruleName }),
  }
}

export function filterMessage(filter: HttpFilter): FilterInit {
  return { kind: filterKind(filter) }
}

function filterKind(filter: HttpFilter): FilterKindInit {
  switch (filter.kind) {
    case 'request-headers':
      return { case: 'requestHeaders', value: changesMessage(filter.changes) }
    case 'response-headers':
      return { case: 'responseHeaders', value: changesMessage(filter.changes) }
    case 'redirect':
      return { case: 'redirect', value: redirectMessage(filter) }
    case 'rewrite': {
      const { host, path } = filter
      return {
        case: 'rewrite',
        value: {
          ...(host === undefined ? {} : { host }),
          ...(path === undefined ? {} : { path: pathChangeMessage(path) }),
        },
      }
    }
    case 'mirror':
      return {
        case: 'mirror',
        value: { backend: backendMessage(filter.backend), fraction: { ...filter.fraction } },
      }
    case 'cors':
      return { case: 'cors', value: corsMessage(filter.cors) }
    default:
      return unreachable(filter)
  }
}

type Value<Case extends string> = Extract<FilterKindInit, { case: Case }>['value']

function changesMessage({
  set,
  add,
  remove,
}: Extract<HttpFilter, { kind: 'request-headers' }>['changes']): Value<'requestHeaders'> {
  return {
    set: set.map((header) => ({ ...header })),
    add: add.map((header) => ({ ...header })),
    remove: [...remove],
  }
}

function redirectMessage(filter: Extract<HttpFilter, { kind: 'redirect' }>): Value<'redirect'> {
  const { scheme, host, port, path, status } = filter
  return {
    ...(scheme === undefined ? {} : { scheme }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path: pathChangeMessage(path) }),
    status,
  }
}

function pathChangeMessage(change: PathChange): PathChangeInit {
  if (change.kind === 'full') return { kind: { case: 'full', value: change.path } }
  const { prefix, replacement } = change
  return { kind: { case: 'prefix', value: { prefix, replacement } } }
}

function corsMessage(cors: Extract<HttpFilter, { kind: 'cors' }>['cors']): Value<'cors'> {
  return {
    allowOrigins: [...cors.allowOrigins],
    allowCredentials: cors.allowCredentials,
    allowMethods: [...cors.allowMethods],
    allowHeaders: [...cors.allowHeaders],
    exposeHeaders: [...cors.exposeHeaders],
    maxAgeSeconds: cors.maxAgeSeconds,
  }
}
