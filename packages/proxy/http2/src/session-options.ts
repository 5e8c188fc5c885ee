import type { Clock } from '@tulle/core'
import type { Http2Limits } from './limits.ts'
import type { HeaderList, Http2Stream, StreamHandler, Transport } from './session-types.ts'

/** What we announce in SETTINGS (RFC 9113 §6.5.2) and how far receive windows may grow. */
export interface Http2Settings {
  /** Window of a new stream; a fast one grows to `maxStreamWindowBytes`. */
  readonly initialStreamWindowBytes: number
  readonly maxStreamWindowBytes: number
  /** Window of the session; stays at least four times the widest stream's, so that one unread stream blocks no other. */
  readonly initialSessionWindowBytes: number
  readonly maxSessionWindowBytes: number
  /** Largest frame we take, 16384 to 2^24-1. */
  readonly maxFrameBytes: number
  /** Streams the peer may have open at once. */
  readonly maxConcurrentStreams: number
  /** HPACK table the peer's encoder may use with us. */
  readonly headerTableBytes: number
  /** Servers only: take extended CONNECT (RFC 8441). */
  readonly enableConnectProtocol: boolean
}

export const defaultSettings: Http2Settings = {
  initialStreamWindowBytes: 256 * 1024,
  maxStreamWindowBytes: 4 * 1024 * 1024,
  initialSessionWindowBytes: 1024 * 1024,
  maxSessionWindowBytes: 16 * 1024 * 1024,
  maxFrameBytes: 1024 * 1024,
  maxConcurrentStreams: 200,
  headerTableBytes: 4096,
  enableConnectProtocol: false,
}

/** PING when nothing came for `intervalMs`; the session ends when `timeoutMs` pass without an answer. */
export interface Http2Keepalive {
  readonly intervalMs: number
  readonly timeoutMs: number
}

/** ztunnel's numbers. */
export const defaultKeepalive: Http2Keepalive = { intervalMs: 10_000, timeoutMs: 20_000 }

/** A byte budget that sessions share (per workload, per process): a window grows only with its consent. */
export interface WindowBudget {
  /** True if `bytes` more may be promised to peers. */
  take(bytes: number): boolean
  give(bytes: number): void
}

/** Why a session is over. */
export interface SessionEnd {
  /** `drained`: the last stream ended after GOAWAY. `transport`: it closed under us. */
  readonly cause: 'local-error' | 'remote-goaway' | 'drained' | 'destroyed' | 'transport' | 'keepalive'
  /** HTTP/2 error code, see `http2Error`. */
  readonly code: number
  /** For the log; never holds bytes of the peer. */
  readonly message: string
}

export interface Http2SessionOptions {
  readonly role: 'client' | 'server'
  readonly transport: Transport
  readonly settings?: Partial<Http2Settings>
  readonly limits?: Partial<Http2Limits>
  readonly clock?: Clock
  /** Absent: `defaultKeepalive`; false: none. */
  readonly keepalive?: Http2Keepalive | false
  readonly windowBudget?: WindowBudget
  /**
   * Servers: a peer opened a stream with these (validated) headers. Answer at once or later with `stream.sendHeaders`.
   * `undefined` refuses it with REFUSED_STREAM, which counts against the peer's reset budget. With `endStream`,
   * `handler.onEnd` follows as soon as this returns.
   */
  readonly onStream?: (
    stream: Http2Stream,
    headers: HeaderList,
    endStream: boolean,
  ) => StreamHandler | undefined
  /** The peer wants no further streams here: open the next one elsewhere. Streams it had begun go on. */
  readonly onGoaway?: (code: number) => void
  /** The peer's first SETTINGS came, or its stream limit changed, or a stream ended: `openable` may have risen. */
  readonly onOpenable?: () => void
  /** Once. Every stream was told (`onReset`) before. */
  readonly onClose: (end: SessionEnd) => void
}

/** Numbers for metrics, dumps and pools. */
export interface Http2Counters {
  readonly streamsOpen: number
  readonly streamsOpened: number
  /** Streams that we may have open at once at the peer. */
  readonly remoteMaxStreams: number
  /** Written to the transport and not yet taken by it, plus what waits for the end of this turn. */
  readonly bytesBuffered: number
  /** What the peer lets us send in all. */
  readonly sendWindowBytes: number
  /** What we let the peer send in all, at most. */
  readonly receiveWindowBytes: number
  /** Payload that streams' users got and have not `consumed` yet. */
  readonly bytesUnconsumed: number
  /** Shortest round trip seen on this session; undefined before the first. */
  readonly roundTripMs: number | undefined
}

/** One HTTP/2 connection, client or server (RFC 9113). It touches no socket: bytes come in by `receive`, leave by the transport. */
export interface Http2Session {
  readonly role: 'client' | 'server'
  /** Neither closed nor on its way out: new streams may be opened or taken. */
  readonly usable: boolean
  /** How many further streams `open` would grant now. */
  readonly openable: number
  /** Whether the peer takes extended CONNECT (RFC 8441 §3); undefined: its SETTINGS have not come yet. Clients ask before they send one. */
  readonly takesExtendedConnect: boolean | undefined
  readonly counters: Http2Counters
  /** As in `counters`, for those who ask after each read. */
  readonly bytesUnconsumed: number
  /**
   * Bytes from the transport. True if a stream's user kept a reference to the buffer, which then must not be used again.
   * Never throws for what a peer sent: an error ends the session through `onClose`.
   */
  receive(bytes: Buffer, start: number, end: number): boolean
  /** The transport has room again after a write returned false. */
  onTransportDrain(): void
  /** The transport ended or failed: all streams are reset. */
  onTransportClose(): void
  /**
   * Clients: opens a stream. `undefined` when the session is draining or closed, the peer's stream limit is reached, or the
   * headers may not be sent (RFC 9113 §8.2). The handler is never called before this returns.
   */
  open(headers: HeaderList, handler: StreamHandler, endStream?: boolean): Http2Stream | undefined
  /** Ends the session with a code: GOAWAY, everything reset, transport ended. */
  goaway(code: number): void
  /**
   * Takes and opens no new streams, lets the running ones finish, then ends the transport. A server says
   * GOAWAY(2^31-1), and the final one a round trip later, so that no stream on its way is lost (RFC 9113 §6.8).
   */
  drain(): void
  /** At once: streams are reset with CANCEL, the transport is destroyed. */
  destroy(): void
  /** Sends now what would leave at the end of this turn. */
  flush(): void
}
