/** What bounds the data path. Every limit is per worker unless it says otherwise. */
export interface L4Limits {
  /** Connections of one workload that are open or being made, both directions; more are refused. */
  readonly maxConnectionsPerWorkload: number
  /** TLS handshakes in progress of one workload's HBONE port, also those that wait for their turn; more are closed at once. */
  readonly maxHandshakes: number
  /** The same from one source address. */
  readonly maxHandshakesPerSource: number
  /** Handshakes that one turn of the event loop begins, over all workloads, each of which gets its turn. */
  readonly maxHandshakesPerTurn: number
  /** HBONE sessions to one workload, handshakes included; more are closed at once. */
  readonly maxInboundSessions: number
  /** The same from one source address. */
  readonly maxSessionsPerSource: number
  /** HBONE sessions from one workload's address to one destination; what needs more is refused. */
  readonly maxSessionsPerTarget: number
  /** From a connection to its ClientHello and its turn, and again from there to the end of the handshake. */
  readonly handshakeTimeoutMs: number
  /** CONNECT streams that we open in one session; the peer may allow fewer. */
  readonly maxStreamsPerSession: number
  /** CONNECT streams that a peer may have open in one session. */
  readonly maxInboundStreamsPerSession: number
  /** Header bytes of one CONNECT. */
  readonly maxHeaderBytes: number
  /** Payload held for a tunnel whose destination is not connected yet. */
  readonly maxEarlyBytes: number
  /** Bytes that sessions may promise to receive beyond their first windows, which so bounds what can be buffered. */
  readonly maxWindowBytes: number
  /** Connecting to the destination, or to the next proxy. */
  readonly connectTimeoutMs: number
  /** An HBONE session without streams is let go after this. */
  readonly idleSessionMs: number
  /** Streams that run when a certificate of their session ends may go on for so long; then they are reset. */
  readonly expiredSessionMs: number
  /** The JavaScript heap of one worker; one that needs more ends the process. Buffers come on top. */
  readonly maxHeapBytes: number
  /** Access log lines that wait for the descriptor; what does not fit is dropped and counted. */
  readonly maxAccessLogBytes: number
}

export const defaultLimits: L4Limits = {
  maxConnectionsPerWorkload: 16_384,
  maxHandshakes: 512,
  maxHandshakesPerSource: 128,
  maxHandshakesPerTurn: 1,
  maxInboundSessions: 4096,
  maxSessionsPerSource: 512,
  maxSessionsPerTarget: 256,
  handshakeTimeoutMs: 10_000,
  maxStreamsPerSession: 100,
  maxInboundStreamsPerSession: 200,
  maxHeaderBytes: 65_536,
  maxEarlyBytes: 262_144,
  maxWindowBytes: 268_435_456,
  connectTimeoutMs: 10_000,
  idleSessionMs: 300_000,
  expiredSessionMs: 3_600_000,
  maxHeapBytes: 1_073_741_824,
  maxAccessLogBytes: 4_194_304,
}
