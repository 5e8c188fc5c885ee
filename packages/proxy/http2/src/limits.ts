/** So many at once, and so many more each second: a bucket of tokens. */
export interface RateLimit {
  readonly burst: number
  readonly perSecond: number
}

/**
 * What a peer may cost us. Passing one of them ends the session with GOAWAY (or the stream, where it says so),
 * so each default lies far above what honest peers do.
 */
export interface Http2Limits {
  /** Decoded header list: names, values and 32 bytes a field (RFC 9113 §6.5.2). More: the stream is refused. Announced to the peer. */
  readonly maxHeaderListBytes: number
  /** A header block as it travels, over all its frames. More: ENHANCE_YOUR_CALM, since HPACK state would be lost. */
  readonly maxHeaderBlockBytes: number
  /**
   * What a server decodes for one session in one turn of the event loop: each header block counts as 512 bytes and its decoded
   * list. What is behind waits for the next turn, so that others go first, where the transport can wait.
   */
  readonly maxHeaderBytesPerTurn: number
  /** CONTINUATION frames of one header block (CVE-2024-27316). */
  readonly maxContinuationFrames: number
  /**
   * Streams that the peer resets before we answered them (CVE-2023-44487), and streams that we reset because of
   * what the peer sent (CVE-2025-8671), in one budget.
   */
  readonly resets: RateLimit
  readonly settingsFrames: RateLimit
  readonly pings: RateLimit
  readonly priorityFrames: RateLimit
  /** DATA that carries nothing, frames of unknown type, and RST_STREAM of closed streams. */
  readonly emptyFrames: RateLimit
  /** Answers and headers waiting while the peer reads nothing. */
  readonly maxQueuedControlBytes: number
  /**
   * From the first byte of a frame, or of a header block of several, to its last. DATA has none: it is handed on as it comes.
   * Whoever stops reading a session for longer loses it, as by its keepalive.
   */
  readonly frameTimeoutMs: number
  /** How long a peer may leave our SETTINGS unanswered (RFC 9113 §6.5.3). */
  readonly settingsTimeoutMs: number
  /** From our last GOAWAY to the transport being destroyed, where the peer does not close. */
  readonly closeTimeoutMs: number
  /** A stream of ours that waits for the peer's window this long is reset; 0 is never, as a TCP tunnel wants. */
  readonly stallTimeoutMs: number
}

const kibi = 1024

/** Defaults; a client's header limits are a quarter of a server's, as responses of the mesh are small. */
export function defaultLimits(role: 'client' | 'server'): Http2Limits {
  const headerBytes = role === 'client' ? 16 * kibi : 64 * kibi
  return {
    maxHeaderListBytes: headerBytes,
    maxHeaderBlockBytes: headerBytes,
    maxHeaderBytesPerTurn: 256 * kibi,
    maxContinuationFrames: 16,
    resets: { burst: 1000, perSecond: 100 },
    settingsFrames: { burst: 50, perSecond: 5 },
    pings: { burst: 200, perSecond: 20 },
    priorityFrames: { burst: 1000, perSecond: 100 },
    emptyFrames: { burst: 1000, perSecond: 100 },
    maxQueuedControlBytes: 256 * kibi,
    frameTimeoutMs: 30_000,
    settingsTimeoutMs: 10_000,
    closeTimeoutMs: 1000,
    stallTimeoutMs: 0,
  }
}
