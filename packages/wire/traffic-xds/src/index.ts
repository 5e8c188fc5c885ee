/**
 * What waypoints are told: the traffic of a service, the rules that read requests, and where spans go, as they travel from our control
 * plane. Nobody else knows these types; a stock Envoy is told in its own.
 */
export { decodeAccess, encodeAccess } from './access.ts'
export { decodeServiceTraffic } from './decode-traffic.ts'
export { encodeServiceTraffic } from './encode-traffic.ts'
export { accessResource, accessType, serviceTrafficResource, serviceTrafficType } from './resource.ts'
export { decodeTracing, tracingName, tracingResource, tracingType } from './tracing.ts'
