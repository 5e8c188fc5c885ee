import { http2Error } from './error-codes.ts'
import { isSendable, lengthUnknown } from './header-rules.ts'
import type { ReceiveWindow } from './receive-window.ts'
import type { Sender } from './sender.ts'
import type { HeaderList, Http2Stream, StreamHandler } from './session-types.ts'

/** What a stream needs of its session. */
export interface StreamHost {
  readonly sender: Sender
  /** `onWritable` is wanted once there is room. */
  waitForRoom(stream: Stream): void
  /** We sent END_STREAM. */
  onLocalEnd(stream: Stream): void
  /** We gave the stream up: RST_STREAM with `code`. */
  onLocalReset(stream: Stream, code: number): void
  /** Its user consumed `bytes`. */
  credit(stream: Stream, bytes: number): void
}

/**
 * One stream (RFC 9113 §5.1). Its state is two flags, as each direction ends on its own:
 *
 *     open ── localEnded ──► half-closed (local) ─┐
 *      │                                          ├─ both ──► closed
 *      └──── remoteEnded ─► half-closed (remote) ─┘
 *      any ── RST_STREAM, either way, or the session's end ──► closed
 *
 * Idle streams have no object; closed ones are known by their numbers, see `StreamTable`.
 */
export class Stream implements Http2Stream {
  readonly id: number
  readonly receiveWindow: ReceiveWindow
  handler: StreamHandler = nobody
  /** Payload that the peer's stream window lets us send; negative after it shrank (RFC 9113 §6.9.2). */
  sendWindow: number
  localEnded = false
  remoteEnded = false
  closed = false
  /** We sent headers on it. A server counts resets before that as work thrown away. */
  answered = false
  /** The request or the final response is in: the next header block is trailers. */
  headed = false
  /** On a client: the response to this has no payload whatever its content-length says (RFC 9110 §6.4.1, §9.3.2). */
  withoutPayload = false
  expectedBytes: number = lengthUnknown
  receivedBytes = 0
  /** Handed to the user and not consumed. */
  unconsumed = 0
  /** In the queue of those who want to send. */
  waiting = false
  /** Looks of the stall timer since the stream could last send. */
  stalledLooks = 0
  readonly #host: StreamHost
  readonly #sender: Sender

  constructor(id: number, host: StreamHost, sendWindow: number, receiveWindow: ReceiveWindow) {
    this.id = id
    this.sendWindow = sendWindow
    this.receiveWindow = receiveWindow
    this.#host = host
    this.#sender = host.sender
  }

  get sendable(): number {
    if (this.localEnded) return 0
    const room = this.#sender.blocked ? 0 : this.window
    if (room === 0) this.#host.waitForRoom(this)
    return room
  }

  get window(): number {
    return this.localEnded ? 0 : Math.max(0, Math.min(this.sendWindow, this.#sender.window))
  }

  sendHeaders(headers: HeaderList, endStream: boolean): void {
    if (this.localEnded) return
    if (!isSendable(headers)) {
      // Nobody but our own side can have made them, and sending them would let one message pass for two.
      this.#host.onLocalReset(this, http2Error.internalError)
      this.handler.onReset(http2Error.internalError)
      return
    }
    this.answered = true
    this.#sender.headers(this.id, headers, endStream)
    if (endStream) this.#ended()
  }

  sendCopy(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.localEnded || end <= start) return this.sendable > 0
    this.sendWindow -= end - start
    this.#sender.data(this.id, bytes, start, end)
    return this.sendable > 0
  }

  sendSlab(slab: Buffer, length: number, done: () => void): boolean {
    if (this.localEnded || length === 0) {
      done()
      return this.sendable > 0
    }
    this.sendWindow -= length
    this.#sender.slab(this.id, slab, length, done)
    return this.sendable > 0
  }

  end(): void {
    if (this.localEnded) return
    this.#sender.endStream(this.id)
    this.#ended()
  }

  reset(code: number): void {
    if (!this.closed) this.#host.onLocalReset(this, code)
  }

  consumed(bytes: number): void {
    const given = Math.min(bytes, this.unconsumed)
    if (given <= 0) return
    this.unconsumed -= given
    this.#host.credit(this, given)
  }

  #ended(): void {
    this.localEnded = true
    this.#host.onLocalEnd(this)
  }
}

const nobody: StreamHandler = {
  onHeaders: () => undefined,
  onData: () => false,
  onEnd: () => undefined,
  onReset: () => undefined,
  onWritable: () => undefined,
}
