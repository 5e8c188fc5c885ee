/** The L7 proxy as a process: alone, from a file, or as a waypoint of the mesh. */
export { meshWaypointOptions } from './mesh-options.ts'
export type { MeshWaypointOptions } from './mesh-options.ts'
export { runMeshWaypoint } from './mesh-role.ts'
export { waypointOptions } from './options.ts'
export type { WaypointOptions } from './options.ts'
export { parseStaticConfig } from './static-config.ts'
export { runWaypoint } from './waypoint-role.ts'
export type { WaypointRoleDeps } from './waypoint-role.ts'
