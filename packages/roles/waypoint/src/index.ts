/** The L7 proxy as a process: alone, from a file. */
export { waypointOptions } from './options.ts'
export type { WaypointOptions } from './options.ts'
export { parseStaticConfig } from './static-config.ts'
export { runWaypoint } from './waypoint-role.ts'
export type { WaypointRoleDeps } from './waypoint-role.ts'
