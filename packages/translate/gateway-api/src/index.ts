/**
 * The Gateway API as a mesh has it (GAMMA): routes and policies attached to Services become what happens on each of their ports, for
 * every caller or for those of one namespace. Pure: one object and a look in, the model and the conditions out.
 */
export type { PortTls, TlsByPort } from './backend-tls.ts'
export { deriveGatewayApi } from './derive-gateway-api.ts'
export type { GatewayApiModel } from './derive-gateway-api.ts'
export type { MergedRoutes } from './merge-routes.ts'
export { waypointClasses } from './other-conditions.ts'
export type {
  Attachment,
  Rank,
  RankedEntry,
  RouteKind,
  RouteParent,
  RouteTranslation,
  StreamRule,
} from './route-types.ts'
export type { PortRoutes, ServiceRoutes } from './service-routes.ts'
export type { ServiceResilience } from './traffic-policies.ts'
export { resilienceOfPolicy } from './traffic-policy-resilience.ts'
