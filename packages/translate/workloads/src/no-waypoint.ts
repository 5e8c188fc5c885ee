import type { Note } from './condition-set.ts'

/** The reason of a condition which says that only a waypoint can carry an object out, and none does. */
export const noWaypoint = 'NoWaypoint'

/**
 * What is said of every object that only a waypoint can carry out, while the mesh has none: here and nowhere else, so that
 * it goes from all of them at once. `instead` says what happens to the traffic meanwhile.
 */
export function noWaypointNote(instead: string): Note {
  return {
    status: 'False',
    reason: noWaypoint,
    message: `no waypoint carries it out yet: ${instead}`,
  }
}
