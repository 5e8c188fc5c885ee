import { http2Error } from './error-codes.ts'
import { byteAt, frameFlag, readUint31 } from './frame.ts'
import type { FrameHeader } from './frame.ts'
import {
  areTrailers,
  checkRequest,
  checkResponse,
  isInformational,
  malformed,
  valueOf,
} from './header-rules.ts'
import { decodeOutcome, HpackDecoder } from './hpack-decoder.ts'
import type { SessionCore } from './session-core.ts'
import type { Stream } from './stream.ts'

/** What a header block costs beside its list, in bytes of one. */
const blockOverheadBytes = 512

/** HEADERS and CONTINUATION (RFC 9113 §6.2, §6.10): gathers blocks, decodes them, and opens or continues streams. */
export class HeaderInbound {
  readonly #core: SessionCore
  readonly decoder: HpackDecoder
  /** The stream whose block is incomplete: nothing but its CONTINUATION may come. 0 when there is none. */
  #openId = 0
  #openEndsStream = false
  #dependsOnItself = false
  #continuations = 0
  #block: Buffer | undefined
  #blockBytes = 0

  constructor(core: SessionCore) {
    this.#core = core
    this.decoder = new HpackDecoder(4096, core.limits.maxHeaderListBytes)
  }

  /** Whether a block is incomplete, so that any frame but its continuation is an error. */
  get openId(): number {
    return this.#openId
  }

  /** Frames so far of a block that is incomplete. */
  get openFrames(): number {
    return this.#openId === 0 ? 0 : 1 + this.#continuations
  }

  /** A whole HEADERS payload. */
  onHeaders(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    let from = start
    let to = end
    if (header.has(frameFlag.padded)) to -= byteAt(bytes, from++)
    this.#dependsOnItself = false
    if (header.has(frameFlag.priority)) {
      if (to - from >= 5) this.#dependsOnItself = readUint31(bytes, from) === header.streamId
      from += 5
    }
    if (from > to) {
      this.#core.fail(http2Error.protocolError, 'padding or priority is longer than its frame')
      return
    }
    this.#openEndsStream = header.has(frameFlag.endStream)
    if (header.has(frameFlag.endHeaders)) {
      this.#decode(header.streamId, bytes, from, to)
      return
    }
    this.#openId = header.streamId
    this.#continuations = 0
    this.#gather(bytes, from, to)
  }

  onContinuation(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    this.#continuations++
    if (this.#continuations > this.#core.limits.maxContinuationFrames) {
      this.#core.fail(http2Error.enhanceYourCalm, 'too many CONTINUATION frames')
      return
    }
    if (!this.#gather(bytes, start, end) || !header.has(frameFlag.endHeaders)) return
    const block = this.#block
    const length = this.#blockBytes
    this.#openId = 0
    this.#block = undefined
    this.#blockBytes = 0
    if (block !== undefined) this.#decode(header.streamId, block, 0, length)
  }

  #gather(bytes: Buffer, start: number, end: number): boolean {
    const length = this.#blockBytes + end - start
    if (length > this.#core.limits.maxHeaderBlockBytes) {
      this.#core.fail(http2Error.enhanceYourCalm, 'a header block is too long')
      return false
    }
    if (this.#block === undefined || this.#block.length < length) {
      const larger = Buffer.allocUnsafe(length * 2)
      this.#block?.copy(larger, 0, 0, this.#blockBytes)
      this.#block = larger
    }
    bytes.copy(this.#block, this.#blockBytes, start, end)
    this.#blockBytes = length
    return true
  }

  #decode(id: number, bytes: Buffer, start: number, end: number): void {
    const headers: string[] = []
    const outcome = this.decoder.decode(bytes, start, end, headers)
    this.#core.turnBudget?.spend(blockOverheadBytes + this.decoder.listBytes)
    if (outcome === decodeOutcome.broken) {
      this.#core.fail(http2Error.compressionError, 'a header block does not decode')
    } else if (outcome === decodeOutcome.tooLarge) {
      this.#refuse(id, http2Error.enhanceYourCalm)
    } else if (this.#dependsOnItself) {
      this.#refuse(id, http2Error.protocolError)
    } else {
      this.#dispatch(id, headers)
    }
  }

  #dispatch(id: number, headers: readonly string[]): void {
    const core = this.#core
    const stream = core.streams.get(id)
    if (stream === undefined) {
      if (!this.#mayNotOpen(id)) this.#open(id, headers)
    } else if (stream.remoteEnded) {
      core.failStream(stream, http2Error.streamClosed)
    } else if (stream.headed) {
      this.#trailers(stream, headers)
    } else {
      this.#response(stream, headers)
    }
  }

  /** The block cannot open this stream; unless the stream was reset lately, that is the end of the session. */
  #mayNotOpen(id: number): boolean {
    const { streams } = this.#core
    if (streams.wasReset(id)) return true
    if (!streams.isIdle(id)) {
      this.#core.fail(http2Error.streamClosed, 'HEADERS on a closed stream')
      return true
    }
    if (this.#core.role === 'server' && !streams.isOwn(id)) return false
    this.#core.fail(http2Error.protocolError, 'HEADERS on a stream that the peer may not open')
    return true
  }

  #open(id: number, headers: readonly string[]): void {
    const core = this.#core
    core.streams.markPeerId(Math.max(id, core.streams.lastPeerId))
    // Behind our last GOAWAY: the peer knows that it has to go elsewhere (RFC 9113 §6.8).
    if (id > core.lastTakenId) return
    if (core.streams.peerOpen >= core.settings.maxConcurrentStreams) {
      core.rejectStream(id, http2Error.refusedStream)
      return
    }
    const endStream = this.#openEndsStream
    const length = checkRequest(headers, core.settings.enableConnectProtocol)
    if (length === malformed || (endStream && length > 0)) {
      core.rejectStream(id, http2Error.protocolError)
      return
    }
    const stream = core.newStream(id)
    stream.headed = true
    stream.expectedBytes = length
    const handler = core.options.onStream?.(stream, headers, endStream)
    if (stream.closed) return
    if (handler === undefined) {
      core.onLocalReset(stream, http2Error.refusedStream)
      core.spendReset('too many refused streams')
      return
    }
    stream.handler = handler
    if (endStream) core.onRemoteEnd(stream)
  }

  #response(stream: Stream, headers: readonly string[]): void {
    const core = this.#core
    const endStream = this.#openEndsStream
    const length = checkResponse(headers)
    const early = isInformational(headers)
    if (length === malformed || (early && endStream)) {
      core.failStream(stream, http2Error.protocolError)
      return
    }
    if (!early) {
      stream.headed = true
      const status = valueOf(headers, ':status')
      if (!stream.withoutPayload && status !== '204' && status !== '304') stream.expectedBytes = length
    }
    if (endStream && stream.expectedBytes > 0) {
      core.failStream(stream, http2Error.protocolError)
      return
    }
    stream.handler.onHeaders(headers, endStream)
    if (endStream && !stream.closed) core.onRemoteEnd(stream)
  }

  #trailers(stream: Stream, headers: readonly string[]): void {
    const complete = stream.expectedBytes < 0 || stream.expectedBytes === stream.receivedBytes
    if (!this.#openEndsStream || !areTrailers(headers) || !complete) {
      this.#core.failStream(stream, http2Error.protocolError)
      return
    }
    stream.handler.onHeaders(headers, true)
    if (!stream.closed) this.#core.onRemoteEnd(stream)
  }

  #refuse(id: number, code: number): void {
    const stream = this.#core.streams.get(id)
    if (stream !== undefined) {
      this.#core.failStream(stream, code)
    } else if (!this.#mayNotOpen(id)) {
      this.#core.streams.markPeerId(Math.max(id, this.#core.streams.lastPeerId))
      this.#core.rejectStream(id, code)
    }
  }
}
