/**
 * A waypoint's data plane: the way of requests (@tulle/l7) over HBONE, by the resources that the control plane sends. Who a
 * client is, its certificate says; what is not bound here is refused.
 */
export { createWaypointPlane } from './create-waypoint-plane.ts'
export type { WaypointPlaneDeps, WaypointPlaneOptions } from './create-waypoint-plane.ts'
export type { WaypointPlane } from './waypoint-plane.ts'
export type { Edge, EdgeLine } from './tap/edge-meter.ts'
export { MergedEdges } from './tap/merged-edges.ts'
export { MergedTap } from './tap/merged-tap.ts'
export { readTapFilter } from './tap/tap-filter.ts'
export type { TapFilter } from './tap/tap-filter.ts'
export type { TapLine } from './tap/tap-lines.ts'
export type { TappedRequest } from './tap/tapped-request.ts'
