import { compareText } from '@tulle/core'
import type { HttpEntry, HttpRule, Routes, TlsRoutes } from '@tulle/traffic'
import { compareAge } from '@tulle/workloads'
import type { Rank, RouteTranslation } from './route-types.ts'
import { routeKinds } from './route-types.ts'
import { withoutShared } from './shared-sessions.ts'
import type { SharedSession } from './shared-sessions.ts'

/** What holds on one port for one group of callers. */
export interface MergedRoutes {
  readonly routes: Routes
  /** Labels of the routes that are in it, oldest first; of many only the first. */
  readonly from: readonly string[]
}

/** Who is heard on a port: one kind, merged; of TCPRoutes the oldest, since they have nothing to merge by. */
export interface PortOutcome {
  /** Oldest first. */
  readonly winners: readonly RouteTranslation[]
  /** Those of the same kind for which there is no room. */
  readonly leftOut: readonly RouteTranslation[]
}

/** Matches of one port for one group of callers: what every request is held against, and every waypoint keeps. */
export const maxEntriesOfPort = 20_000

/** @see GEP-1294, Route types: GRPCRoute before HTTPRoute, TLSRoute and TCPRoute */
export function decidePort(attached: readonly RouteTranslation[]): PortOutcome {
  const byAge = attached.toSorted((a, b) => compareAge(a.age, b.age))
  const kind = routeKinds.find((one) => byAge.some((route) => route.kind === one))
  const ofKind = byAge.filter((route) => route.kind === kind)
  if (kind === 'TCPRoute') return { winners: ofKind.slice(0, 1), leftOut: [] }
  const winners: RouteTranslation[] = []
  const leftOut: RouteTranslation[] = []
  let entries = 0
  for (const route of ofKind) {
    const size = Math.max(route.entries.length, route.stream?.hostnames.length ?? 0)
    if (entries + size > maxEntriesOfPort) leftOut.push(route)
    else {
      entries += size
      winners.push(route)
    }
  }
  return { winners, leftOut }
}

/** More names than these help nobody. */
const maxNames = 3

/** Routes of one kind, oldest first, as one; undefined where there are none. */
export function mergeRoutes(
  winners: readonly RouteTranslation[],
  shared: ReadonlyMap<string, SharedSession>,
): MergedRoutes | undefined {
  const [first] = winners
  if (first === undefined) return undefined
  const routes = routesOf(first, winners, shared)
  return routes === undefined ? undefined : { routes, from: firstLabels(winners) }
}

export function firstLabels(routes: readonly RouteTranslation[]): readonly string[] {
  const labels = routes.slice(0, maxNames).map(({ label }) => label)
  return routes.length <= maxNames ? labels : [...labels, `${routes.length - maxNames} more`]
}

function routesOf(
  first: RouteTranslation,
  winners: readonly RouteTranslation[],
  shared: ReadonlyMap<string, SharedSession>,
): Routes | undefined {
  switch (first.kind) {
    case 'GRPCRoute':
    case 'HTTPRoute':
      return { kind: 'http', entries: mergeEntries(winners, withoutShared(shared)) }
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
function mergeEntries(
  winners: readonly RouteTranslation[],
  ruleOf: (rule: HttpRule) => HttpRule,
): readonly HttpEntry[] {
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
