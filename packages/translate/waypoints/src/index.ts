/**
 * Where waypoints stand, who is bound to them, and what lets them through: out of Gateways, labels, routes and the rules that
 * read requests. Pure: the model in, the model with its waypoints out.
 */
export { admissionName, asAccess } from './admission.ts'
export { automaticName } from './bindings.ts'
export type { Binding, Bindings } from './bindings.ts'
export { deriveWaypointModel } from './derive-waypoint-model.ts'
export type { WaypointModel } from './derive-waypoint-model.ts'
export type { WaypointInputs } from './inputs.ts'
export { waypointAllocationKey } from './waypoints.ts'
