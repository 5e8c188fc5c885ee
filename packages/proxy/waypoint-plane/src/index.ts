/**
 * A waypoint's data plane: the way of requests (@tulle/l7) over HBONE, by the resources that the control plane sends. Who a
 * client is, its certificate says; what is not bound here is refused.
 */
export { WaypointPlane } from './waypoint-plane.ts'
export type { WaypointPlaneDeps, WaypointPlaneOptions } from './waypoint-plane.ts'
