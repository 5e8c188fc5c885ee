import { compareText } from '@tulle/core'
import type { HttpEntry, Routes, TlsRoutes } from '@tulle/traffic'
import { compareAge } from '@tulle/workloads'
import type { Rank, RouteTranslation } from './route-types.ts'
import { routeKinds } from './route-types.ts'
import { sharedSessionsOf, withoutShared } from './shared-sessions.ts'

/** What holds on one port for one group of callers. */
export interface MergedRoutes {
  readonly routes: Routes
  /** Labels of the routes that are in it, in the order in which they go before one another. */
  readonly from: readonly string[]
}

/** Who is heard on a port: one kind, merged; of TCPRoutes the oldest, since they have nothing to merge by. */
export interface PortOutcome {
  readonly winners: readonly RouteTranslation[]
  readonly losers: readonly RouteTranslation[]
}

/** @see GEP-1294, Route types: GRPCRoute before HTTPRoute, TLSRoute and TCPRoute */
export function decidePort(attached: readonly RouteTranslation[]): PortOutcome {
  const byAge = attached.toSorted((a, b) => compareAge(a.age, b.age))
  const kind = routeKinds.find((one) => byAge.some((route) => route.kind === one))
  const ofKind = byAge.filter((route) => route.kind === kind)
  const winners = kind === 'TCPRoute' ? ofKind.slice(0, 1) : ofKind
  return { winners, losers: byAge.filter((route) => !winners.includes(route)) }
}

/** Routes of one kind, oldest first, as one; undefined where there are none. */
export function mergeRoutes(winners: readonly RouteTranslation[]): MergedRoutes | undefined {
  const [first] = winners
  if (first === undefined) return undefined
  const routes = routesOf(first, winners)
  return routes === undefined ? undefined : { routes, from: winners.map(({ label }) => label) }
}

function routesOf(first: RouteTranslation, winners: readonly RouteTranslation[]): Routes | undefined {
  switch (first.kind) {
    case 'GRPCRoute':
    case 'HTTPRoute':
      return { kind: 'http', entries: mergeEntries(winners) }
    case 'TLSRoute':
      return { kind: 'tls', entries: mergeNames(winners) }
    case 'TCPRoute': {
      if (first.stream === undefined) return undefined
      const { origin, backends } = first.stream
      return { kind: 'tcp', origin, backends }
    }
  }
}

/** By rank; then the older route, then the earlier rule: the sort keeps the order of what is equal. */
function mergeEntries(winners: readonly RouteTranslation[]): readonly HttpEntry[] {
  const ruleOf = withoutShared(sharedSessionsOf(winners))
  return winners
    .flatMap(({ entries }) => entries)
    .toSorted((a, b) => compareRank(a.rank, b.rank))
    .map(({ entry }) => ({ match: entry.match, rule: ruleOf(entry.rule) }))
}

/** The greater first. */
function compareRank(a: Rank, b: Rank): number {
  for (const [i, part] of a.entries()) {
    const other = b[i] ?? 0
    if (part !== other) return other - part
  }
  return 0
}

/** One entry a name, so that a whole name of a younger route goes before an older one's wildcard. */
function mergeNames(winners: readonly RouteTranslation[]): TlsRoutes['entries'] {
  return winners
    .flatMap(({ stream }) => {
      if (stream === undefined) return []
      const { hostnames, origin, backends } = stream
      const names = hostnames.length === 0 ? [[]] : hostnames.map((name) => [name])
      return names.map((list) => ({ hostnames: list, origin, backends }))
    })
    .toSorted((a, b) => compareNames(a.hostnames[0], b.hostnames[0]))
}

/** Whole names before wildcards, longer before shorter ones, none at all last. */
function compareNames(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0)
  const wild = Number(a.startsWith('*')) - Number(b.startsWith('*'))
  return wild || b.length - a.length || compareText(a, b)
}
