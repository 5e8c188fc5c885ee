import type { ConnectRequest } from '@tulle/hbone'
import { HeldPayload, http2Error } from '@tulle/http2'
import type { HeaderList, Http2Stream, StreamHandler } from '@tulle/http2'
import type { VerifiedPeer } from './peer-verifier.ts'

/** The statuses a tunnel is refused with, as ztunnel's: malformed, not allowed, not reachable. */
export type RefusalStatus = '400' | '401' | '503'

/**
 * A CONNECT that waits for its answer, then a tunnel. What the peer sends early is held: at most as much as its
 * stream window, since no credit is given before someone takes the payload.
 */
export class InboundTunnel implements StreamHandler {
  readonly peer: VerifiedPeer
  readonly request: ConnectRequest
  readonly stream: Http2Stream
  readonly #maxEarlyBytes: number
  readonly #early: HeldPayload = new HeldPayload()
  #ended: boolean = false
  #reset: number | undefined
  #handler: StreamHandler | undefined
  /** Told when the peer gives up before it was answered. */
  onAbandoned: (() => void) | undefined

  constructor(options: {
    readonly peer: VerifiedPeer
    readonly request: ConnectRequest
    readonly stream: Http2Stream
    readonly maxEarlyBytes: number
  }) {
    this.peer = options.peer
    this.request = options.request
    this.stream = options.stream
    this.#maxEarlyBytes = options.maxEarlyBytes
  }

  /** Whether the peer still waits for an answer. */
  get open(): boolean {
    return this.#reset === undefined
  }

  /**
   * Answers 200; from here on `handler` is told everything, what came early first. Between the two `onAnswered` may
   * take the stream: nothing can be sent before the answer, nor credit given before there is a stream to give it on.
   */
  accept(handler: StreamHandler, onAnswered: () => void = () => undefined): void {
    if (!this.open) return
    this.#handler = handler
    this.stream.sendHeaders([':status', '200'], false)
    onAnswered()
    for (let early = this.#early.take(this.#maxEarlyBytes); early !== undefined;) {
      handler.onData(early, 0, early.length)
      early = this.#early.take(this.#maxEarlyBytes)
    }
    if (this.#ended) handler.onEnd()
  }

  refuse(status: RefusalStatus): void {
    if (!this.open) return
    refuseStream(this.stream, status)
    this.#reset = http2Error.noError
  }

  onHeaders(headers: HeaderList, endStream: boolean): void {
    this.#handler?.onHeaders(headers, endStream)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    if (this.#handler !== undefined) return this.#handler.onData(bytes, start, end)
    if (this.#early.bytes + end - start > this.#maxEarlyBytes) {
      this.stream.reset(http2Error.enhanceYourCalm)
      this.onReset(http2Error.enhanceYourCalm)
      return false
    }
    this.#early.add(bytes, start, end)
    return false
  }

  onEnd(): void {
    this.#ended = true
    this.#handler?.onEnd()
  }

  onReset(code: number): void {
    if (!this.open) return
    this.#reset = code
    this.#early.clear()
    if (this.#handler === undefined) this.onAbandoned?.()
    else this.#handler.onReset(code)
  }

  onWritable(): void {
    this.#handler?.onWritable()
  }
}

/** A final answer without a body, then no more interest in what the peer sends. @see RFC 9113 §8.1 */
export function refuseStream(stream: Http2Stream, status: RefusalStatus): void {
  stream.sendHeaders([':status', status], true)
  stream.reset(http2Error.noError)
}
