/**
 * The seam between the HTTP/2 engine and what carries it (a TLS socket) and what uses it (tunnels, waypoints).
 * Hot path: nothing here is allocated per chunk, no callback may throw.
 */

/** Header fields in order, names in lower case, pseudo-headers first: `[':method', 'CONNECT', …]`, name and value in turn. */
export type HeaderList = readonly string[]

/** What carries a session. A TLS socket satisfies it through a ten-line adapter. */
export interface Transport {
  /** Takes the bytes; `done` is called once, when they may be reused. Returns false when the sender should wait for `session.onTransportDrain()`. */
  write(bytes: Uint8Array, done: (() => void) | undefined): boolean
  /**
   * Takes as much of `bytes[start, end)` as leaves within the call, and returns how much that is: it may be reused at once. The
   * rest is for `write`. Absent where nothing leaves at once.
   */
  writeNow?(bytes: Uint8Array, start: number, end: number): number
  /** After everything written so far. */
  end(): void
  /** At once. May be called again, and after the transport has closed by itself. */
  destroy(): void
  /** Hands over nothing more, but for what is under way, until `resumeReading`. Absent where that can't be had. */
  pauseReading?(): void
  resumeReading?(): void
}

/** What a stream's user is told. Offsets, not copies: the bytes are valid only during the call unless `retain` says otherwise. */
export interface StreamHandler {
  /**
   * Response headers (also each informational 1xx) on a client's stream, trailers on either side. With `endStream`,
   * `onEnd` follows at once: a handler may ignore the flag and act on `onEnd` alone.
   */
  onHeaders(headers: HeaderList, endStream: boolean): void
  /**
   * Payload at `bytes[start, end)`. Return true to keep a reference to the buffer beyond the call: the session's `receive`
   * then reports it, so that the buffer is not recycled. Give credit back with `stream.consumed(n)` when the bytes left.
   */
  onData(bytes: Buffer, start: number, end: number): boolean
  /** The peer sends no more (END_STREAM): exactly once, unless the stream is reset. We may go on sending. */
  onEnd(): void
  /**
   * The stream ended early: RST_STREAM, GOAWAY above it, or the session's end. `code` is the HTTP/2 error code.
   * The last call; what was received and not consumed counts as consumed. Not called for our own `stream.reset`.
   */
  onReset(code: number): void
  /** Window or transport has room again after `sendable` was 0 or a send returned false. */
  onWritable(): void
}

/** One stream, made by `session.open` or handed to `onStream`. */
export interface Http2Stream {
  readonly id: number
  /** Payload bytes that may be sent now: the least of both windows, 0 while the transport is full. */
  readonly sendable: number
  /** The least of both windows: what may be sent once the transport has room. */
  readonly window: number
  sendHeaders(headers: HeaderList, endStream: boolean): void
  /**
   * Copies into the session's shared batch, which leaves in one write per turn of the event loop. At most `sendable` bytes.
   * All of them are taken; false asks to send no more before `onWritable`.
   */
  sendCopy(bytes: Uint8Array, start: number, end: number): boolean
  /**
   * Sends `slab[headroom, headroom + length)` without a copy: the frame header is written into the headroom (9 bytes) in
   * front. `done` gives the slab back. At most `sendable` bytes. What exceeds the peer's SETTINGS_MAX_FRAME_SIZE
   * (16 KiB with many peers that are no mesh proxies) is copied as `sendCopy` does. False as for `sendCopy`.
   */
  sendSlab(slab: Buffer, length: number, done: () => void): boolean
  /** END_STREAM after everything sent so far. Sending on an ended or reset stream does nothing. */
  end(): void
  /** RST_STREAM: both directions end, the handler hears nothing more. */
  reset(code: number): void
  /** Received payload has left us: widens the peer's windows, batched. Harmless after the stream's end. */
  consumed(bytes: number): void
}
