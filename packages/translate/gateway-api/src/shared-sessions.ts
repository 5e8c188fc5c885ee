import type { HttpRule, RuleOrigin } from '@tulle/traffic'
import type { RouteTranslation } from './route-types.ts'

/** A session that a rule would have, and that another rule has. */
export interface SharedSession {
  /** Of the rule that goes without, in its route. */
  readonly rule: number
  readonly name: string
  /** Label of the route that has it. */
  readonly holder: string
}

/**
 * Rules of routes that are heard on one port and would have a session of one name: the first one of the oldest route keeps
 * it, since a cookie can't lead to two. By `ruleKey` of those that go without. @see GEP-1619
 */
export function sharedSessionsOf(
  oldestFirst: readonly RouteTranslation[],
): ReadonlyMap<string, SharedSession> {
  const holders = new Map<string, { readonly label: string; readonly rule: HttpRule }>()
  const shared = new Map<string, SharedSession>()
  for (const { label, entries } of oldestFirst) {
    for (const { rule } of entries.map(({ entry }) => entry)) {
      if (rule.session === undefined) continue
      const { kind, name } = rule.session
      const holder = holders.get(`${kind}/${name}`)
      if (holder === undefined) holders.set(`${kind}/${name}`, { label, rule })
      else if (holder.rule !== rule)
        shared.set(ruleKey(rule.origin), { rule: rule.origin.rule, name, holder: holder.label })
    }
  }
  return shared
}

export function ruleKey({ kind, namespace, name, rule }: RuleOrigin): string {
  return `${kind}/${namespace}/${name}/${rule}`
}

/** Rules as they are, but for the sessions that others have; the same rule gives the same one each time. */
export function withoutShared(shared: ReadonlyMap<string, SharedSession>): (rule: HttpRule) => HttpRule {
  const stripped = new Map<HttpRule, HttpRule>()
  return (rule) => {
    if (rule.session === undefined || !shared.has(ruleKey(rule.origin))) return rule
    const known = stripped.get(rule) ?? withoutSession(rule)
    stripped.set(rule, known)
    return known
  }
}

function withoutSession(rule: HttpRule): HttpRule {
  const copy: { -readonly [Field in keyof HttpRule]: HttpRule[Field] } = { ...rule }
  delete copy.session
  return copy
}
