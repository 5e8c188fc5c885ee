/** The nouns of the mesh: workloads, services, addresses and ports, and what holds for all of them. */
export { networkAddressKey } from './gateway-address.ts'
export type { GatewayAddress, NetworkAddress } from './gateway-address.ts'
export {
  ipFromBytes,
  ipToBytes,
  isIpv6,
  isLoopback,
  parseIpAddress,
  parseIpRange,
  rangeContains,
} from './ip-address.ts'
export type { IpAddress, IpRange } from './ip-address.ts'
export { parsePort } from './port.ts'
export type { Port, PortMapping } from './port.ts'
export { serviceKey } from './service.ts'
export type { AppProtocol, BalanceScope, LoadBalancing, Service, ServicePort } from './service.ts'
export { parseTracing, tracesUrl } from './tracing-settings.ts'
export type { TracingSettings } from './tracing-settings.ts'
export { waypointKey, waypointNode, waypointUid } from './waypoint.ts'
export type { Waypoint } from './waypoint.ts'
export { workloadIdentity } from './workload.ts'
export type { Locality, Workload } from './workload.ts'
