import type { PlainFate } from '../plain-fate.ts'
import { describeOrigin } from '@tulle/traffic'
import type { Backend, HttpRule, TlsTerms, WeightedBackend } from '@tulle/traffic'
import { compileFilters } from '../filters/filter-set.ts'
import type { FilterSet } from '../filters/filter-set.ts'
import type { TlsLookup } from '@tulle/traffic'
import { WeightedChoice } from './weighted-choice.ts'

export interface CompiledBackend {
  readonly backend: Backend
  /** Only for what goes to this backend. */
  readonly filters: FilterSet
  readonly tls: TlsTerms | undefined
}

/** A rule made ready for requests. */
export interface CompiledRule {
  readonly rule: HttpRule
  /** As people know it. */
  readonly name: string
  readonly filters: FilterSet
  readonly backends: WeightedChoice<CompiledBackend>
  /** Those of weight 0 too, which live sessions may be with. */
  readonly allBackends: readonly CompiledBackend[]
  /** For the access log alone. */
  lastFate: PlainFate | undefined
}

export function compileRule(
  rule: HttpRule,
  tlsOf: TlsLookup,
): {
  readonly compiled: CompiledRule
  readonly problems: readonly string[]
} {
  const name = describeOrigin(rule.origin)
  const own = compileFilters(rule.filters, tlsOf)
  const backends = rule.backends.map((backend) => compileBackend(backend, tlsOf))
  const problems = [...own.problems, ...backends.flatMap((backend) => backend.problems)]
  return {
    compiled: {
      rule,
      name,
      filters: own.filters,
      backends: new WeightedChoice(backends),
      allBackends: backends.map(({ item }) => item),
      lastFate: undefined,
    },
    problems: problems.map((problem) => `${name}: ${problem}`),
  }
}

function compileBackend(
  { backend, weight, filters }: WeightedBackend,
  tlsOf: TlsLookup,
): {
  readonly item: CompiledBackend
  readonly weight: number
  readonly problems: readonly string[]
} {
  const compiled = compileFilters(filters, tlsOf)
  const item = { ...tlsOf(backend), filters: compiled.filters }
  return { item, weight, problems: compiled.problems }
}
