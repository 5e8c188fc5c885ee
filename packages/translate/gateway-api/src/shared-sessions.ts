import type { HttpRule } from '@tulle/traffic'
import type { RouteTranslation } from './route-types.ts'

/**
 * Rules of routes that are heard on one port and would have a session of one name: the first one of the oldest route keeps
 * it, since a cookie can't lead to two. By the rule that loses its session, the route that has it. @see GEP-1619
 */
export function sharedSessionsOf(
  oldestFirst: readonly RouteTranslation[],
): ReadonlyMap<HttpRule, RouteTranslation> {
  const holders = new Map<string, { readonly route: RouteTranslation; readonly rule: HttpRule }>()
  const losers = new Map<HttpRule, RouteTranslation>()
  for (const route of oldestFirst) {
    for (const rule of new Set(route.entries.map(({ entry }) => entry.rule))) {
      if (rule.session === undefined) continue
      const name = `${rule.session.kind}/${rule.session.name}`
      const holder = holders.get(name)
      if (holder === undefined) holders.set(name, { route, rule })
      else if (holder.rule !== rule) losers.set(rule, holder.route)
    }
  }
  return losers
}

/** The same rules without the sessions that others have. */
export function withoutShared(losers: ReadonlyMap<HttpRule, RouteTranslation>): (rule: HttpRule) => HttpRule {
  const stripped = new Map([...losers.keys()].map((rule) => [rule, withoutSession(rule)] as const))
  return (rule) => stripped.get(rule) ?? rule
}

function withoutSession(rule: HttpRule): HttpRule {
  const copy: { -readonly [Field in keyof HttpRule]: HttpRule[Field] } = { ...rule }
  delete copy.session
  return copy
}
