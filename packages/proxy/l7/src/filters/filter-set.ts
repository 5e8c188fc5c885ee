import type { Backend, Fraction, HeaderChanges, HttpFilter, PathChange, TlsTerms } from '@tulle/traffic'
import type { TlsLookup } from '@tulle/traffic'
import { Cors } from './cors.ts'
import { checkChanges } from './header-changes.ts'
import type { Redirect } from './redirect.ts'

export interface Rewrite {
  readonly host?: string
  readonly path?: PathChange
}

export interface Mirror {
  readonly backend: Backend
  readonly tls: TlsTerms | undefined
  readonly fraction: Fraction
}

/** What the filters of one rule, or of one backend of it, do; by kind, as each kind has its place in the request path. */
export interface FilterSet {
  readonly request: readonly HeaderChanges[]
  readonly response: readonly HeaderChanges[]
  readonly redirect: Redirect | undefined
  readonly rewrite: Rewrite | undefined
  readonly mirrors: readonly Mirror[]
  readonly cors: Cors | undefined
}

export const noFilters: FilterSet = {
  request: [],
  response: [],
  redirect: undefined,
  rewrite: undefined,
  mirrors: [],
  cors: undefined,
}

/** What cannot be done safely is left out and told as a problem. */
export function compileFilters(
  filters: readonly HttpFilter[],
  tlsOf: TlsLookup,
): {
  readonly filters: FilterSet
  readonly problems: readonly string[]
} {
  if (filters.length === 0) return { filters: noFilters, problems: [] }
  const problems: string[] = []
  const changesOf = (kind: 'request-headers' | 'response-headers'): readonly HeaderChanges[] =>
    filters.flatMap((filter) => {
      if (filter.kind !== kind) return []
      const checked = checkChanges(filter.changes)
      problems.push(...checked.problems)
      return [checked.changes]
    })
  const compiled: FilterSet = {
    request: changesOf('request-headers'),
    response: changesOf('response-headers'),
    redirect: filters.find((filter) => filter.kind === 'redirect'),
    rewrite: filters.find((filter) => filter.kind === 'rewrite'),
    mirrors: filters
      .filter((filter) => filter.kind === 'mirror')
      .map(({ backend, fraction }) => ({ ...tlsOf(backend), fraction })),
    cors: corsOf(filters),
  }
  problems.push(...targetProblems(compiled))
  return { filters: compiled, problems }
}

function corsOf(filters: readonly HttpFilter[]): Cors | undefined {
  const filter = filters.find(({ kind }) => kind === 'cors')
  return filter?.kind === 'cors' ? new Cors(filter.cors) : undefined
}

const hostText = /^[a-z0-9.\-_:[\]]+$/iu
/** Path characters (RFC 3986 §3.3), percent-encoded or plain. */
const pathText = /^[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]*$/u

function targetProblems({ redirect, rewrite }: FilterSet): readonly string[] {
  return [redirect, rewrite].flatMap((change) => {
    if (change === undefined) return []
    const { host, path } = change
    const target = path === undefined ? '' : path.kind === 'full' ? path.path : path.replacement
    return [
      ...(host === undefined || hostText.test(host)
        ? []
        : [`expected a host, found ${JSON.stringify(host)}`]),
      ...(pathText.test(target) ? [] : [`expected a path, found ${JSON.stringify(target)}`]),
    ]
  })
}
