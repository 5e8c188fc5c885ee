import type { Collection, Graph, Index, Look } from '@tulle/collections'
import { waypointKey } from '@tulle/mesh'
import type { GatewayAddress, Service, Waypoint } from '@tulle/mesh'

/** Waypoints that take a share of what comes to another one, by the key of that one. */
export function indexCanaries(graph: Graph, waypoints: Collection<Waypoint>): Index<Waypoint> {
  return graph.index('waypoint-canaries', waypoints, ({ namespace, canary, leaving }) =>
    canary === undefined || leaving !== undefined ? [] : [waypointKey({ namespace, name: canary.of })],
  )
}

export interface CanaryFacts {
  readonly canaries: Index<Waypoint>
  readonly look: Look
  /** Where one takes HBONE; undefined: callers are not to be sent to it, at least not yet. */
  addressOf(waypoint: Waypoint): GatewayAddress | undefined
}

/**
 * How the connections to what is bound to a waypoint are shared; empty: all go to that one. Shares of canaries that are more than
 * all of it together are relative to one another.
 */
export function sharesOf(
  key: string,
  main: GatewayAddress,
  { canaries, look, addressOf }: CanaryFacts,
): Service['weightedWaypoints'] {
  const shares = look.by(canaries, key).flatMap((waypoint) => {
    const weight = waypoint.canary?.percent ?? 0
    const destination = weight > 0 ? addressOf(waypoint) : undefined
    return destination === undefined ? [] : [{ destination, weight }]
  })
  const taken = shares.reduce((sum, { weight }) => sum + weight, 0)
  if (taken === 0) return []
  return [...(taken < 100 ? [{ destination: main, weight: 100 - taken }] : []), ...shares]
}
