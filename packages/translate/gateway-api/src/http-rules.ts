import type { GrpcRouteObject, GrpcRouteRuleSpec, HttpRouteObject, HttpRouteRuleSpec } from '@tulle/api'
import { defined, err } from '@tulle/core'
import type { Result } from '@tulle/core'
import type { HttpRule, RetryRule, RuleOrigin, WeightedBackend } from '@tulle/traffic'
import { resolveBackend } from './backends.ts'
import type { RefContext } from './backends.ts'
import { translateFilters } from './filters.ts'
import { grpcMatch, httpMatch, prefixOf } from './http-matches.ts'
import type { RankedMatch } from './http-matches.ts'
import { problemAt } from './problem-notes.ts'
import type { FieldProblem } from './problem-notes.ts'
import type { RankedEntry } from './route-types.ts'
import { sessionOf } from './sessions.ts'
import { attachedToRule } from './traffic-policies.ts'

/** What a rule of a route came to. */
export interface RuleTranslation {
  /** Nothing where the rule is dropped. */
  readonly entries: readonly RankedEntry[]
  /** References that do not resolve. */
  readonly refs: readonly FieldProblem[]
  /** Why the rule is dropped. */
  readonly faults: readonly FieldProblem[]
}

type Rule = HttpRouteRuleSpec | GrpcRouteRuleSpec

export function translateHttpRules(route: HttpRouteObject, context: RefContext): readonly RuleTranslation[] {
  return route.spec.rules.map((rule, index) => {
    const read = rule.matches.map((spec, i) =>
      readMatch(httpMatch(spec), { route, path: `spec.rules[${index}].matches[${i}].path.value` }),
    )
    const [first] = rule.matches
    const prefix = first === undefined ? undefined : prefixOf(first)
    const retry = rule.retry === undefined ? undefined : retryRule(rule.retry)
    const own = {
      requestTimeoutMs: rule.requestTimeoutMs ?? 0,
      attemptTimeoutMs: rule.backendRequestTimeoutMs ?? 0,
      ...(retry === undefined ? {} : { retry }),
    }
    return translateRule({ rule, index, read, prefix, own }, context)
  })
}

export function translateGrpcRules(route: GrpcRouteObject, context: RefContext): readonly RuleTranslation[] {
  return route.spec.rules.map((rule, index) => {
    const own = { requestTimeoutMs: 0, attemptTimeoutMs: 0 }
    const read = rule.matches.map((spec, i) =>
      readMatch(grpcMatch(spec), { route, path: `spec.rules[${index}].matches[${i}].method` }),
    )
    return translateRule({ rule, index, read, prefix: undefined, own }, context)
  })
}

/** A match, or why it can match nothing. */
type ReadMatch = Result<RankedMatch, FieldProblem>

function readMatch(
  match: Result<RankedMatch>,
  { route, path }: { readonly route: RefContext['route']; readonly path: string },
): ReadMatch {
  return match.ok ? match : err(problemAt(route, path, { reason: 'UnsupportedValue', message: match.error }))
}

interface RuleParts {
  readonly rule: Rule
  readonly index: number
  readonly read: readonly ReadMatch[]
  readonly prefix: string | undefined
  readonly own: Pick<HttpRule, 'requestTimeoutMs' | 'attemptTimeoutMs' | 'retry'>
}

function translateRule(parts: RuleParts, context: RefContext): RuleTranslation {
  const { rule, index, read, prefix, own } = parts
  const path = `spec.rules[${index}]`
  const filters = translateFilters(
    rule.filters,
    { path: `${path}.filters`, prefix, ofBackend: false },
    context,
  )
  const backends = translateBackends(rule, { path, prefix }, context)
  const unknown = [...filters.unknown, ...backends.unknown]
  const refs = [...filters.refs, ...unknown, ...backends.refs]
  const unread = read.flatMap((match) => (match.ok ? [] : [match.error]))
  const faults = [...unread, ...filters.faults, ...backends.faults]
  if (faults.length > 0) return { entries: [], refs, faults }
  const session = sessionOf(context.route, index)
  const translated: HttpRule = {
    origin: ruleOrigin(context.route, index),
    // What may not be skipped and nobody carries out is answered with an error. @see HTTPRouteFilter.extensionRef
    filters: filters.unknown.length > 0 ? [] : filters.filters,
    backends: filters.unknown.length > 0 ? [] : backends.backends,
    noBackendStatus: 500,
    ...own,
    ...(session === undefined ? {} : { session }),
    ...attachedToRule(context.route, index, context),
  }
  return {
    entries: read.flatMap((match) =>
      match.ok ? [{ rank: match.value.rank, entry: { match: match.value.match, rule: translated } }] : [],
    ),
    refs,
    faults,
  }
}

export function ruleOrigin(route: RefContext['route'], index: number): RuleOrigin {
  const { namespace, name } = route.metadata
  return defined({ kind: route.kind, namespace, name, rule: index, ruleName: route.spec.rules[index]?.name })
}

interface Backends {
  readonly backends: readonly WeightedBackend[]
  readonly refs: readonly FieldProblem[]
  readonly unknown: readonly FieldProblem[]
  readonly faults: readonly FieldProblem[]
}

function translateBackends(
  { backendRefs }: Rule,
  { path, prefix }: { readonly path: string; readonly prefix: string | undefined },
  context: RefContext,
): Backends {
  const parts = backendRefs.map((ref, i) => {
    const refPath = `${path}.backendRefs[${i}]`
    const { backend, problem } = resolveBackend(ref, refPath, context)
    const filters = translateFilters(
      ref.filters,
      { path: `${refPath}.filters`, prefix, ofBackend: true },
      context,
    )
    const [unknown] = filters.unknown
    const usable: WeightedBackend =
      unknown === undefined
        ? { backend, weight: ref.weight, filters: filters.filters }
        : {
            backend: { kind: 'invalid', status: 500, reason: unknown.reason },
            weight: ref.weight,
            filters: [],
          }
    return { usable, problem, filters }
  })
  return {
    backends: parts.map(({ usable }) => usable),
    refs: parts.flatMap(({ problem, filters }) => [
      ...(problem === undefined ? [] : [problem]),
      ...filters.refs,
    ]),
    unknown: parts.flatMap(({ filters }) => filters.unknown),
    faults: parts.flatMap(({ filters }) => filters.faults),
  }
}

/** What is not said of repeats is left to us. @see GEP-1731 */
const defaultRetry = { attempts: 1, backoffMs: 25 } as const

function retryRule(spec: NonNullable<HttpRouteRuleSpec['retry']>): RetryRule {
  return {
    attempts: spec.attempts ?? defaultRetry.attempts,
    backoffMs: spec.backoffMs ?? defaultRetry.backoffMs,
    statusCodes: spec.codes,
    onConnectionError: true,
    onReset: true,
  }
}
