import type { Socket } from 'node:net'
import type { HeaderList, Http2Session, Http2Stream, StreamHandler } from '@tulle/http2'
import { isPeerGone, socketFd } from '@tulle/kernel'
import type { VerifiedPeer } from './peer-verifier.ts'

/** A session with a verified peer, in either role. */
export interface TunnelSession {
  readonly peer: VerifiedPeer
  /** When the earlier of both sides' certificates ends. */
  readonly endsAtMs: number
  readonly http: Http2Session
}

/** A session that we opened. */
export class ClientTunnelSession implements TunnelSession {
  readonly peer: VerifiedPeer
  readonly endsAtMs: number
  readonly http: Http2Session
  /** The key exchange group that both sides agreed on. */
  readonly tlsGroup: string
  readonly #maxStreams: number
  readonly #socket: Socket
  #peerGone: boolean = false
  /** Monotonic; when it last had a stream opened or was seen with one. */
  usedMs: number = 0

  constructor(options: {
    readonly peer: VerifiedPeer
    readonly endsAtMs: number
    readonly http: Http2Session
    readonly tlsGroup: string
    readonly maxStreams: number
    readonly socket: Socket
  }) {
    this.peer = options.peer
    this.endsAtMs = options.endsAtMs
    this.http = options.http
    this.tlsGroup = options.tlsGroup
    this.#maxStreams = options.maxStreams
    this.#socket = options.socket
  }

  /** Streams that may be opened now: our own limit and the peer's. */
  get room(): number {
    if (!this.http.usable || this.#peerGone) return 0
    return Math.min(this.http.openable, this.#maxStreams - this.http.counters.streamsOpen)
  }

  /**
   * Room for a stream that somebody will read. The kernel may know of the peer's end before the event loop comes to
   * tell it; what would be opened until then would be lost.
   */
  hasRoomNow(): boolean {
    if (this.room <= 0) return false
    this.#peerGone = isPeerGone(socketFd(this.#socket))
    return !this.#peerGone
  }

  open(headers: HeaderList, handler: StreamHandler): Http2Stream | undefined {
    return this.http.open(headers, handler)
  }
}
