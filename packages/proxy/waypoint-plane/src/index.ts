/**
 * A waypoint's data plane: the way of requests (@tulle/l7) over HBONE, by the resources that the control plane sends. Who a
 * client is, its certificate says; what is not bound here is refused.
 */
export { WaypointPlane } from './waypoint-plane.ts'
export type { WaypointPlaneDeps, WaypointPlaneOptions } from './waypoint-plane.ts'
export { EdgeMeters } from './tap/edge-meter.ts'
export type { Edge, EdgeLine } from './tap/edge-meter.ts'
export { RequestTap } from './tap/request-tap.ts'
export type { TapLine } from './tap/request-tap.ts'
export { readTapFilter } from './tap/tap-filter.ts'
export type { TapFilter, TapTest } from './tap/tap-filter.ts'
export type { TappedRequest } from './tap/tapped-request.ts'
