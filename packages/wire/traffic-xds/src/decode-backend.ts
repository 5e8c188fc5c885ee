import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { decodeEnum, decodeList } from '@tulle/mesh-xds'
import type {
  BackendMessage,
  FractionMessage,
  HeaderChangesMessage,
  HttpFilterMessage,
  PathChangeMessage,
  RedirectMessage,
  RuleOriginMessage,
  WeightedBackendMessage,
} from '@tulle/proto'
import type {
  Backend,
  Fraction,
  HeaderChanges,
  HttpFilter,
  PathChange,
  RuleOrigin,
  WeightedBackend,
} from '@tulle/traffic'
import { decodeOneOf } from './decode-one-of.ts'
import { originNames } from './enum-names.ts'

export function decodeWeighted({
  backend,
  weight,
  filters,
}: WeightedBackendMessage): Result<WeightedBackend> {
  const decoded = decodeBackend(backend)
  if (!decoded.ok) return decoded
  const list = decodeList(filters, 'filters', decodeFilter)
  return list.ok ? ok({ backend: decoded.value, weight, filters: list.value }) : list
}

export function decodeBackend(message: BackendMessage | undefined): Result<Backend> {
  switch (message?.kind.case) {
    case 'service': {
      const { service, port } = message.kind.value
      if (service === '' || port === 0 || port > 65_535) return err('a backend without service or port')
      return ok({ kind: 'service', service, port })
    }
    case 'invalid': {
      const { status, reason } = message.kind.value
      const known = decodeOneOf([500, 503] as const, status, 'status of an invalid backend')
      return known.ok ? ok({ kind: 'invalid', status: known.value, reason }) : known
    }
    case undefined:
      return err('a backend of no known kind')
  }
}

export function decodeOrigin(message: RuleOriginMessage | undefined): Result<RuleOrigin> {
  if (message === undefined) return err('a rule without its origin')
  const kind = decodeEnum(originNames, message.kind, 'kind of origin')
  if (!kind.ok) return kind
  const { namespace, name, rule, ruleName } = message
  return ok({ kind: kind.value, namespace, name, rule, ...(ruleName === undefined ? {} : { ruleName }) })
}

/** A filter that is not known is no small thing to leave out: it may be the one that takes a header away. */
export function decodeFilter({ kind }: HttpFilterMessage): Result<HttpFilter> {
  switch (kind.case) {
    case 'requestHeaders':
      return ok({ kind: 'request-headers', changes: changesOf(kind.value) })
    case 'responseHeaders':
      return ok({ kind: 'response-headers', changes: changesOf(kind.value) })
    case 'redirect':
      return decodeRedirect(kind.value)
    case 'rewrite': {
      const path = decodePathChange(kind.value.path)
      if (!path.ok) return path
      const { host } = kind.value
      return ok({ kind: 'rewrite', ...(host === undefined ? {} : { host }), ...path.value })
    }
    case 'mirror':
      return decodeMirror(kind.value)
    case 'cors': {
      const { $typeName: _name, $unknown: _unknown, ...cors } = kind.value
      return ok({ kind: 'cors', cors })
    }
    case undefined:
      return err('a filter of no known kind')
  }
}

function changesOf({ set, add, remove }: HeaderChangesMessage): HeaderChanges {
  const plain = ({
    name,
    value,
  }: {
    readonly name: string
    readonly value: string
  }): HeaderChanges['set'][number] => ({
    name,
    value,
  })
  return { set: set.map(plain), add: add.map(plain), remove }
}

function decodeRedirect(message: RedirectMessage): Result<HttpFilter> {
  const status = decodeOneOf([301, 302, 303, 307, 308] as const, message.status, 'status of a redirect')
  if (!status.ok) return status
  const path = decodePathChange(message.path)
  if (!path.ok) return path
  const { host, port } = message
  const parts = {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...path.value,
    status: status.value,
  }
  if (message.scheme === undefined) return ok({ kind: 'redirect', ...parts })
  const scheme = decodeOneOf(['http', 'https'] as const, message.scheme, 'scheme of a redirect')
  return scheme.ok ? ok({ kind: 'redirect', scheme: scheme.value, ...parts }) : scheme
}

function decodePathChange(message: PathChangeMessage | undefined): Result<{ readonly path?: PathChange }> {
  if (message === undefined) return ok({})
  switch (message.kind.case) {
    case 'full':
      return ok({ path: { kind: 'full', path: message.kind.value } })
    case 'prefix': {
      const { prefix, replacement } = message.kind.value
      return ok({ path: { kind: 'prefix', prefix, replacement } })
    }
    case undefined:
      return err('a change of path of no known kind')
  }
}

function decodeMirror({
  backend,
  fraction,
}: Extract<HttpFilterMessage['kind'], { case: 'mirror' }>['value']): Result<HttpFilter> {
  const decoded = decodeBackend(backend)
  if (!decoded.ok) return decoded
  const share = decodeFraction(fraction)
  return share.ok ? ok({ kind: 'mirror', backend: decoded.value, fraction: share.value }) : share
}

export function decodeFraction(message: FractionMessage | undefined): Result<Fraction> {
  if (message === undefined || message.denominator === 0) return err('a fraction without denominator')
  const { numerator, denominator } = message
  return ok({ numerator, denominator })
}
