import type { HttpEntry, HttpMatch } from '@tulle/traffic'
import { conditionCount, lackOf } from './match-text.ts'
import { PathIndex } from './path-index.ts'
import type { RoutedRequest } from './routed-request.ts'

/** An entry that does not cover a request, and why. */
export interface NearMiss {
  readonly entry: HttpEntry
  readonly why: readonly string[]
}

/** Entries beyond this are not looked at. */
const maxLookedAt = 1000

/**
 * Of the entries that do not cover a request those that lack least; of several that lack the same, the first in precedence.
 * Those of which nothing holds are only named where there are no others.
 */
export function nearestMisses(
  entries: readonly HttpEntry[],
  request: RoutedRequest,
  count: number,
): readonly NearMiss[] {
  const misses = entries
    .slice(0, maxLookedAt)
    .map((entry) => ({ entry, ...lackOf(entry.match, request, (part) => covers(part, request)) }))
    .filter(({ why }) => why.length > 0)
    .toSorted((a, b) => a.distance - b.distance)
  const near = misses.filter(({ entry, why }) => why.length < conditionCount(entry.match))
  return (near.length === 0 ? misses : near).slice(0, count).map(({ entry, why }) => ({ entry, why }))
}

/** By the code that routes. */
function covers(match: HttpMatch, request: RoutedRequest): boolean {
  const index = new PathIndex<true>()
  return index.add(match, true).ok && index.find(request) === true
}
