import type { Collection, Graph, Source } from '@tulle/collections'
import { waypointNode } from '@tulle/mesh'
import type { Waypoint } from '@tulle/mesh'
import { addressType } from '@tulle/mesh-xds'
import type { NodeReceipts } from '@tulle/status'
import { accessType } from '@tulle/traffic-xds'

export interface ReadyWaypointsDeps {
  readonly graph: Graph
  readonly waypoints: Collection<Waypoint>
  readonly receipts: NodeReceipts
  /** What this keeps. */
  readonly ready: Source<true>
}

/** What a waypoint has to have applied before callers are sent to it. */
const needed = [addressType, accessType]

/**
 * A waypoint is ready when it has applied what it was sent for the first time, and then for as long as it exists: callers
 * that have to go through one wait for it where it is away, and are never led around it. That holds over a restart of
 * the control plane too: those that had an address before are taken as ready. How it ceases to be: `followLeavingWaypoints`.
 */
export function followReadyWaypoints(deps: ReadyWaypointsDeps): Disposable {
  const { graph, waypoints, receipts, ready } = deps
  graph.transaction(() => {
    for (const [key, { address }] of waypoints.entries()) if (address !== undefined) ready.set(key, true)
  })
  const look = (): void => {
    const waiting = Array.from(waypoints.entries()).filter(([key]) => ready.get(key) === undefined)
    // Called at acknowledgements of a thousand nodes; what follows looks at all of them.
    if (waiting.length === 0) return
    const applied = new Set(
      receipts
        .nodes()
        // What one of its name applied that is gone says nothing of the next.
        .filter(
          ({ connected, types }) =>
            connected &&
            needed.every((typeUrl) =>
              types.some((type) => type.typeUrl === typeUrl && type.appliedRevision > 0),
            ),
        )
        .map(({ node }) => node),
    )
    const coming = waiting.filter(([, waypoint]) => applied.has(waypointNode(waypoint)))
    if (coming.length === 0) return
    // Receipts come at any time, also while objects are read in slices.
    void graph.transactionInTurn(() => {
      for (const [key] of coming) if (waypoints.get(key) !== undefined) ready.set(key, true)
    })
  }
  return receipts.subscribe(look)
}
