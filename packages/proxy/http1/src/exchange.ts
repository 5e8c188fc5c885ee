import type { Transport } from '@tulle/http2'

import type { Fields } from './fields.ts'

/**
 * The seam between the codecs (HTTP/1.1, HTTP/2) and what happens to requests. Rules for payload are those of HTTP/2 streams:
 * offsets instead of copies, nothing allocated per chunk, `consumed` gives credit, no callback throws. Codes of resets are
 * those of HTTP/2 (RFC 9113 §7), whatever the version.
 */

export type HttpVersion = '1.0' | '1.1' | '2'

/** A request's head. Authority and path may be rewritten on the way; the codec that sends it writes what stands here. */
export interface RequestHead {
  method: string
  scheme: 'http' | 'https'
  /** `host` or `host:port` as sent (case kept), never empty, without user information. The target of a CONNECT. */
  authority: string
  /** Path and query as sent, `*` for OPTIONS of the server itself, empty for CONNECT. */
  path: string
  /** End-to-end fields: without Host, and without what concerns one connection only (RFC 9110 §7.6.1). */
  readonly fields: Fields
  readonly version: HttpVersion
  /**
   * What the client asks to switch to (`websocket`), in lower case: Upgrade of HTTP/1.1, or `:protocol` of an extended CONNECT (with
   * method GET here). Answering 101 switches; any other answer refuses. Left out when sending: an ordinary request.
   */
  readonly protocol: string | undefined
}

/** An answer's head. The phrase of the status line does not travel. */
export interface ResponseHead {
  status: number
  readonly fields: Fields
}

/** The sending half of one exchange. After its end, or a reset, sending does nothing. */
export interface Outgoing {
  /** Bytes that leave without waiting: 0 while `onWritable` is due. Advice: more is taken, and held until it can leave. */
  readonly sendable: number
  /** Copies payload. All of it is taken; false asks for nothing more before `onWritable`. */
  sendCopy(bytes: Uint8Array, start: number, end: number): boolean
  /** Sends payload without a copy where that pays. `done` is called once, when the bytes may be reused. False as for `sendCopy`. */
  sendSlice(bytes: Buffer, start: number, end: number, done: () => void): boolean
  /** The last payload has been sent. Trailers are dropped where the peer's version or framing has no place for them. */
  endWithTrailers(trailers?: Fields): void
  /** Gives the exchange up in both directions. The handler hears nothing more. HTTP/1.1 closes the connection. */
  reset(code: number): void
  /** So many received bytes have left us: gives credit to the peer. Harmless after the end. */
  consumed(bytes: number): void
}

/** One request and its answer, as the server's side of a connection sees it. */
export interface ServerExchange extends Outgoing {
  /**
   * The final answer; `end`: nothing follows. Content length is taken from the fields and held to: too few or too many bytes break
   * the connection, never the next message. Ending the answer before the request gives the rest of the request up. Status 101 (to `head.protocol`) or 2xx to CONNECT makes a tunnel: payload in
   * both directions is raw from here, `onEnd` and `endWithTrailers` are the two half-closes.
   */
  respond(head: ResponseHead, end: boolean): void
  /** An informational answer (100, 103 …; never 101) before the final one. Dropped where the client's version has none. */
  inform(head: ResponseHead): void
}

/** Told what comes from the client. Returned by `onRequest`. */
export interface ServerHandler {
  /**
   * Payload at `bytes[start, end)`, valid during the call. Return true to keep the buffer beyond it: `receive` of the
   * connection then reports it. Give credit with `consumed`.
   */
  onData(bytes: Buffer, start: number, end: number): boolean
  /** The request is complete: once, also after `onRequest` with `end`, unless it is reset or the answer has ended before. */
  onEnd(trailers?: Fields): void
  /** The request is broken off: by the client, the connection's end, or a body that is malformed. The last call. */
  onReset(code: number): void
  /** There is room again after a send returned false. */
  onWritable(): void
}

/** A request that was sent, as the client's side of a connection sees it. */
export interface ClientExchange extends Outgoing {
  /** Tells whether the request's payload is held back for the answer: of an upgrade or CONNECT, until it is a tunnel. */
  readonly isTunnel: boolean
}

/**
 * How far a failed request got. `unsent`: the server has not seen it, or said that it did nothing with it; any method may be
 * sent again. `reused`: a connection that had idled was closed before one byte of an answer, most likely a race with its idle
 * limit; idempotent methods may be sent again (RFC 9112 §9.3.1). `unanswered`: the same on a new connection, or the
 * exchange was broken off by a limit of ours. `answered`: the final answer had begun.
 */
export type RequestFate = 'unsent' | 'reused' | 'unanswered' | 'answered'

/** Told what comes from the server. */
export interface ClientHandler {
  /** An informational answer other than 101. */
  onInform(head: ResponseHead): void
  /** The final answer; with `end`, `onEnd` follows at once. Status 101 or 2xx to CONNECT: a tunnel, as in `ServerExchange.respond`. */
  onResponse(head: ResponseHead, end: boolean): void
  /** As for `ServerHandler`. */
  onData(bytes: Buffer, start: number, end: number): boolean
  /** The answer is complete: once, unless it is reset. What is left of the request is given up. A tunnel may still be reset. */
  onEnd(trailers?: Fields): void
  /** Broken off. The last call. */
  onReset(code: number, fate: RequestFate): void
  onWritable(): void
}

/** What carries an HTTP/1 connection: reading can be paused, as this version has no windows. */
export interface Http1Transport extends Transport {
  pauseReading(): void
  resumeReading(): void
}

/** What a transport tells a connection. None of them throws. */
export interface Http1Connection {
  /** Bytes from the peer. True: the buffer is still referred to, don't recycle it. */
  receive(bytes: Buffer, start: number, end: number): boolean
  /** The transport takes writes again after `write` returned false. */
  onTransportDrain(): void
  /** The peer has sent its last byte in good order (FIN). */
  onTransportEnd(): void
  /** The transport is gone in both directions. */
  onTransportClose(): void
  /**
   * Finishes what is in progress, then closes. A server that idles waits so long for a request that may be on its way, whose
   * answer then says that the connection ends.
   */
  drain(idleMs?: number): void
  /** Closes at once; handlers hear `onReset`. */
  destroy(): void
}
