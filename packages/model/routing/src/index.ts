/**
 * Which rule a request falls under: one code for the proxy that sends it there and for whoever explains where it would go.
 */
export { readHost } from './host.ts'
export { describeMatch, lackOf } from './match-text.ts'
export type { Lack } from './match-text.ts'
export { nearestMisses } from './nearest.ts'
export type { NearMiss } from './nearest.ts'
export type { PathIndex } from './path-index.ts'
export { PortRoutes } from './port-routes.ts'
export type { RoutesProblem } from './port-routes.ts'
export { fieldsOf } from './routed-request.ts'
export type { RequestFields, RoutedRequest } from './routed-request.ts'
