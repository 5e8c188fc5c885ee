import { isDeepStrictEqual } from 'node:util'
import type { HttpRule, PortTraffic, Resilience, Routes, RuleOrigin, ServiceTraffic } from '@tulle/traffic'

/**
 * New traffic of a service, with the same objects for resilience that is as before: what has been counted by them (rates,
 * ejections, connections) outlives a change of something else, such as a weight.
 */
export function keepAccounts(before: ServiceTraffic, after: ServiceTraffic): ServiceTraffic {
  const ports = after.ports.map((port) => {
    const known = before.ports.find((one) => one.port === port.port)
    return known === undefined ? port : keepOfPort(known, port)
  })
  return withAccount({ ...after, ports }, before.resilience)
}

function keepOfPort(before: PortTraffic, after: PortTraffic): PortTraffic {
  const { producer, consumers } = after
  const kept = {
    ...after,
    ...(producer === undefined ? {} : { producer: keepOfRoutes(before.producer, producer) }),
    consumers: new Map(
      Array.from(consumers, ([namespace, routes]) => [
        namespace,
        keepOfRoutes(before.consumers.get(namespace), routes),
      ]),
    ),
  }
  return withAccount(kept, before.resilience)
}

function keepOfRoutes(before: Routes | undefined, after: Routes): Routes {
  if (before?.kind !== 'http' || after.kind !== 'http') return after
  const known = new Map(before.entries.flatMap(({ rule }) => accountOf(rule)))
  if (known.size === 0) return after
  const kept = new Map<HttpRule, HttpRule>()
  for (const { rule } of after.entries)
    if (!kept.has(rule)) kept.set(rule, withAccount(rule, known.get(keyOf(rule.origin))))
  return {
    kind: 'http',
    entries: after.entries.map(({ match, rule }) => ({ match, rule: kept.get(rule) ?? rule })),
  }
}

interface Attached {
  readonly resilience?: Resilience
}

function withAccount<T extends Attached>(what: T, known: Resilience | undefined): T {
  const isSame = known !== undefined && isDeepStrictEqual(known, what.resilience)
  return isSame ? { ...what, resilience: known } : what
}

function accountOf({ origin, resilience }: HttpRule): readonly (readonly [string, Resilience])[] {
  return resilience === undefined ? [] : [[keyOf(origin), resilience]]
}

/** By its name where it has one: its place may change. */
function keyOf({ kind, namespace, name, rule, ruleName }: RuleOrigin): string {
  return `${kind}/${namespace}/${name}/${ruleName ?? rule}`
}
