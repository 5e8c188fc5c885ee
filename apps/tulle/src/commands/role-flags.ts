import { controlOptions } from '@tulle/control'
import { nodeOptions, standaloneOptions } from '@tulle/node'
import { flagOf } from '@tulle/runtime'
import { meshWaypointOptions, waypointOptions } from '@tulle/waypoint'

/** Flags of the roles, which take them from tables of their own, by command. */
export function roleFlags(): ReadonlyMap<string, readonly string[]> {
  const flags = (...tables: readonly object[]): readonly string[] => [
    ...new Set(tables.flatMap((table) => Object.keys(table).map(flagOf))),
  ]
  return new Map([
    ['control', flags(controlOptions)],
    ['node', flags(nodeOptions, standaloneOptions)],
    ['waypoint', flags(meshWaypointOptions, waypointOptions)],
  ])
}
