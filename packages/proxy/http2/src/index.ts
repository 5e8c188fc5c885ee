/**
 * HTTP/2 (RFC 9113) and HPACK (RFC 7541) over any byte transport, for tunnels and waypoints. It knows no socket, no TLS and
 * no mesh word; what it promises about copies and allocations is in `session-types.ts`.
 */
export { http2Error, http2ErrorName } from './error-codes.ts'
export { defaultLimits } from './limits.ts'
export type { Http2Limits, RateLimit } from './limits.ts'
export { HeldPayload } from './held-payload.ts'
export { takePendingWrite } from './pending-write.ts'
export type { WriteOwner } from './pending-write.ts'
export { trimBatches } from './sender.ts'
export { createHttp2Session } from './session.ts'
export { defaultKeepalive, defaultSettings } from './session-options.ts'
export type {
  Http2Counters,
  Http2Keepalive,
  Http2Session,
  Http2SessionOptions,
  Http2Settings,
  SessionEnd,
  WindowBudget,
} from './session-options.ts'
export type { HeaderList, Http2Stream, StreamHandler, Transport } from './session-types.ts'
export { headroomBytes, slabClassBytes, SlabPool } from './slab-pool.ts'
export type { SlabPoolOptions } from './slab-pool.ts'
