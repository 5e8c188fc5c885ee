/**
 * HBONE: HTTP/2 CONNECT over mutual TLS, as ztunnel and Istio's waypoints speak it. This is the wire format only:
 * header fields, ports, marks and limits; sessions and sockets are elsewhere.
 */
export { formatAuthority, formatSocketAddress, parseAuthority } from './authority.ts'
export type { Authority } from './authority.ts'
export { encodeBaggage, parseBaggage } from './baggage.ts'
export type { Baggage, BaggageFacts } from './baggage.ts'
export { encodeConnect, parseConnect } from './connect.ts'
export type { ConnectFields, ConnectRefusal, ConnectRequest } from './connect.ts'
export {
  adminPort,
  controlPort,
  hboneHttp2,
  hbonePort,
  inboundConnectionMark,
  inboundPlaintextPort,
  isLegalTargetPort,
  metricsPort,
  outboundPort,
  proxySocketMark,
  readinessPort,
} from './constants.ts'
export type { SocketMark } from './constants.ts'
export { encodeForwarded, parseForwarded } from './forwarded.ts'
export type { Forwarded } from './forwarded.ts'
