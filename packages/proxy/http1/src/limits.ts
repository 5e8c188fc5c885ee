/** What a peer may cost a connection. Each is in docs/reference/limits.md. */
export interface Http1Limits {
  /** Method, target and version, or the status line. More: 414 (RFC 9112 §3). */
  readonly maxStartLineBytes: number
  /** All field lines of a head, or of trailers. More: 431 (RFC 6585 §5). */
  readonly maxHeaderBytes: number
  /** Field lines of a head, or of trailers. More: 431. */
  readonly maxFields: number
  /** Payload of one request. More: 413. 0: any. */
  readonly maxBodyBytes: number
  /** Chunk extensions of one body (RFC 9112 §7.1.1): nobody uses them, and they carry no payload. More: 400. */
  readonly maxExtensionBytes: number
  /** Informational answers before the final one. More: the connection is broken. */
  readonly maxInformational: number
  /** Payload handed on whose credit has not come back; reading pauses there. One read more may be held. */
  readonly maxUnconsumedBytes: number
  /** Requests behind the one in progress: reading pauses with the first byte of them; what was read by then is held. More: closed. */
  readonly maxPipelinedBytes: number
  /** Requests of one connection that begin in one turn of the event loop: those behind them wait for the next, and others go first. */
  readonly maxRequestsPerTurn: number
  /** From the first byte of a head (or, for a connection's first, from its beginning) to the last. Then 408, or closed if there was none. */
  readonly headTimeoutMs: number
  /** A body has to bring `minBodyBytes` in each such time, while it is being read. Otherwise 408. 0: never. */
  readonly bodyTimeoutMs: number
  readonly minBodyBytes: number
  /** Between two requests. Then closed. */
  readonly idleTimeoutMs: number
  /** The peer reads nothing of what waits for it. Then closed. */
  readonly stallTimeoutMs: number
  /** From our end of the connection to the peer's: what it still sends is read and dropped (RFC 9112 §9.6). */
  readonly lingerTimeoutMs: number
  readonly maxLingerBytes: number
  /** The last request of a connection is the one after so long. 0: any age. */
  readonly maxAgeMs: number
  /** Requests of one connection. 0: any number. */
  readonly maxRequests: number
}

const kibi = 1024

/** Defaults of both sides of a connection. */
export const defaultLimits: Http1Limits = {
  maxStartLineBytes: 16 * kibi,
  maxHeaderBytes: 64 * kibi,
  maxFields: 100,
  maxBodyBytes: 0,
  maxExtensionBytes: 4 * kibi,
  maxInformational: 16,
  maxUnconsumedBytes: 256 * kibi,
  maxPipelinedBytes: 512 * kibi,
  maxRequestsPerTurn: 64,
  headTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  minBodyBytes: 64,
  idleTimeoutMs: 60_000,
  stallTimeoutMs: 60_000,
  lingerTimeoutMs: 1000,
  maxLingerBytes: 256 * kibi,
  maxAgeMs: 0,
  maxRequests: 0,
}
