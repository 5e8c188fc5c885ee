import type { Http2Settings } from '@tulle/http2'

/** Everything that bounds what peers can make this proxy hold or wait for; each thread has these for itself. */
export interface L7Limits {
  /** Of a request's body, kept so that the request can be sent again. What is larger is sent once. */
  readonly maxReplayBytes: number
  /** A connection to an endpoint has to be made within. */
  readonly connectTimeoutMs: number
  /** A request on which nothing moves for so long is given up. */
  readonly requestIdleMs: number
  /** A request is given up after so many attempts, whatever rules say. */
  readonly maxAttempts: number
  /** Idle connections to one endpoint. */
  readonly maxIdlePerEndpoint: number
  readonly maxConnectionsPerEndpoint: number
  /** An idle connection to an endpoint is closed after. */
  readonly upstreamIdleMs: number
  /** Downstream connections of one listener. */
  readonly maxConnections: number
  /**
   * Payload of one HTTP/2 stream that a peer may send ahead of whoever reads it: what a slow reader can make this proxy hold. As much
   * passes in one round trip.
   */
  readonly maxStreamWindowBytes: number
  /** The rest of a body that nobody wants any more is read and dropped up to here. */
  readonly maxDiscardedBytes: number
  /** What is left of a request whose answer is complete has so long to come; then its HTTP/2 stream is reset. */
  readonly discardTimeoutMs: number
}

export const defaultLimits: L7Limits = {
  maxReplayBytes: 64 * 1024,
  connectTimeoutMs: 5000,
  requestIdleMs: 300_000,
  maxAttempts: 10,
  maxIdlePerEndpoint: 4096,
  maxConnectionsPerEndpoint: 16_384,
  upstreamIdleMs: 30_000,
  maxConnections: 16_384,
  maxStreamWindowBytes: 1024 * 1024,
  maxDiscardedBytes: 256 * 1024,
  discardTimeoutMs: 1000,
}

/** For every HTTP/2 session, of clients and to endpoints. */
export function windowSettings({
  maxStreamWindowBytes,
}: Pick<L7Limits, 'maxStreamWindowBytes'>): Pick<Http2Settings, 'maxStreamWindowBytes'> {
  return { maxStreamWindowBytes }
}
