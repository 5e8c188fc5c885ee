import { http2Error } from './error-codes.ts'
import { frameFlag, frameType, maxInt31, readUint31, readUint32 } from './frame.ts'
import type { FrameHeader } from './frame.ts'
import { payloadPlan } from './frame-reader.ts'
import type { FrameSink, PayloadPlan } from './frame-reader.ts'
import { HeaderInbound } from './header-inbound.ts'
import { pingPurpose } from './pings.ts'
import { RateBudget } from './rate-budget.ts'
import type { SessionCore } from './session-core.ts'
import type { Stream } from './stream.ts'
import { settingBytes } from './wire-settings.ts'

/** Honest SETTINGS have a handful of entries. */
const maxSettingsBytes = 128 * settingBytes
/** Last stream, code, and some debug text that nobody reads. */
const maxGoawayBytes = 8 + 8192
/** Padding length, padding and priority come on top of a header block. */
const headersExtraBytes = 1 + 255 + 5

/** What a peer's frames do to the session (RFC 9113 §6). */
export class Inbound implements FrameSink {
  readonly #core: SessionCore
  readonly #headers: HeaderInbound
  readonly #settingsBudget: RateBudget
  readonly #pingBudget: RateBudget
  readonly #priorityBudget: RateBudget
  readonly #emptyBudget: RateBudget
  readonly #onSettingsAck: () => void
  #settingsSeen = false
  /** The stream of the DATA frame that is arriving; undefined when its payload is nobody's. */
  #dataStream: Stream | undefined

  constructor(core: SessionCore, onSettingsAck: () => void) {
    const { limits, clock } = core
    this.#core = core
    this.#headers = new HeaderInbound(core)
    this.#settingsBudget = new RateBudget(limits.settingsFrames, clock)
    this.#pingBudget = new RateBudget(limits.pings, clock)
    this.#priorityBudget = new RateBudget(limits.priorityFrames, clock)
    this.#emptyBudget = new RateBudget(limits.emptyFrames, clock)
    this.#onSettingsAck = onSettingsAck
  }

  /** Frames so far of a header block that is incomplete. */
  get openFrames(): number {
    return this.#headers.openFrames
  }

  /** The peer has seen our SETTINGS: its encoder keeps to our table from its next block on. */
  useTableBytes(bytes: number): void {
    this.#headers.decoder.setMaxTableBytes(bytes)
  }

  onBadFraming(message: string): void {
    this.#core.fail(http2Error.protocolError, message)
  }

  onFrameHeader(header: FrameHeader): PayloadPlan {
    const openId = this.#headers.openId
    if (openId !== 0 && (header.type !== frameType.continuation || header.streamId !== openId)) {
      return this.#fail(http2Error.protocolError, 'a header block was interrupted')
    }
    if (header.length > this.#core.settings.maxFrameBytes) {
      return this.#fail(http2Error.frameSizeError, 'a frame is longer than SETTINGS_MAX_FRAME_SIZE')
    }
    if (!this.#settingsSeen && (header.type !== frameType.settings || header.has(frameFlag.ack))) {
      return this.#fail(http2Error.protocolError, 'the first frame is not SETTINGS')
    }
    if (header.type === frameType.data) return this.#dataHeader(header)
    return this.#otherHeader(header)
  }

  onFrame(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    switch (header.type) {
      case frameType.headers:
        this.#headers.onHeaders(header, bytes, start, end)
        break
      case frameType.continuation:
        this.#headers.onContinuation(header, bytes, start, end)
        break
      case frameType.windowUpdate:
        this.#windowUpdate(header.streamId, readUint31(bytes, start))
        break
      case frameType.rstStream:
        this.#resetStream(header.streamId, readUint32(bytes, start))
        break
      case frameType.settings:
        this.#settings(header, bytes, start, end)
        break
      case frameType.ping:
        this.#ping(header, bytes, start)
        break
      case frameType.goaway:
        this.#goaway(readUint31(bytes, start), readUint32(bytes, start + 4))
        break
      default:
        this.#priority(header.streamId, readUint31(bytes, start))
    }
    const { sender, limits } = this.#core
    if (sender.controlBytesQueued > limits.maxQueuedControlBytes) {
      this.#fail(http2Error.enhanceYourCalm, 'the peer asks without reading the answers')
    }
  }

  // ---- DATA

  #dataHeader(header: FrameHeader): PayloadPlan {
    const core = this.#core
    const id = header.streamId
    this.#dataStream = undefined
    if (id === 0) return this.#fail(http2Error.protocolError, 'DATA on stream 0')
    if (header.length === 0 && !header.has(frameFlag.endStream) && !this.#emptyBudget.take()) {
      return this.#fail(http2Error.enhanceYourCalm, 'too many empty DATA frames')
    }
    if (!core.window.debit(header.length)) {
      return this.#fail(http2Error.flowControlError, 'DATA beyond the window of the session')
    }
    const stream = core.streams.get(id)
    if (stream === undefined) return this.#dataOnNothing(id)
    if (stream.remoteEnded) core.failStream(stream, http2Error.streamClosed)
    else if (!stream.headed) core.failStream(stream, http2Error.protocolError)
    else if (!stream.receiveWindow.debit(header.length)) core.failStream(stream, http2Error.flowControlError)
    else this.#dataStream = stream
    return payloadPlan.stream
  }

  #dataOnNothing(id: number): PayloadPlan {
    const { streams, lastTakenId } = this.#core
    if (streams.isIdle(id)) return this.#fail(http2Error.protocolError, 'DATA on an idle stream')
    const expected = streams.wasReset(id) || (!streams.isOwn(id) && id > lastTakenId)
    if (!expected) this.#core.rejectStream(id, http2Error.streamClosed)
    return payloadPlan.stream
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    const stream = this.#dataStream
    const length = end - start
    if (stream === undefined || stream.closed) {
      // What nobody takes has left us: the session's window must not shrink for it.
      this.#core.creditSession(length)
      return false
    }
    stream.receivedBytes += length
    if (stream.expectedBytes >= 0 && stream.receivedBytes > stream.expectedBytes) {
      this.#core.failStream(stream, http2Error.protocolError)
      this.#core.creditSession(length)
      return false
    }
    stream.unconsumed += length
    this.#core.bytesUnconsumed += length
    return stream.handler.onData(bytes, start, end)
  }

  onPadding(bytes: number): void {
    const stream = this.#dataStream
    if (stream !== undefined) this.#core.creditStream(stream, bytes)
    this.#core.creditSession(bytes)
  }

  onDataEnd(header: FrameHeader): void {
    const stream = this.#dataStream
    this.#dataStream = undefined
    if (stream === undefined || stream.closed || !header.has(frameFlag.endStream)) return
    if (stream.expectedBytes >= 0 && stream.receivedBytes !== stream.expectedBytes) {
      // RFC 9113 §8.1.1: the payload must be as long as content-length says.
      this.#core.failStream(stream, http2Error.protocolError)
      return
    }
    this.#core.onRemoteEnd(stream)
  }

  // ---- other frames: their headers

  #otherHeader(header: FrameHeader): PayloadPlan {
    const { length, streamId } = header
    switch (header.type) {
      case frameType.headers:
      case frameType.continuation:
        return this.#boundedBlock(header)
      case frameType.windowUpdate:
        return this.#sized(length === 4, 'WINDOW_UPDATE')
      case frameType.rstStream:
        if (streamId === 0) return this.#fail(http2Error.protocolError, 'RST_STREAM on stream 0')
        return this.#sized(length === 4, 'RST_STREAM')
      case frameType.settings:
        return this.#settingsHeader(header)
      case frameType.ping:
        if (streamId !== 0) return this.#fail(http2Error.protocolError, 'PING on a stream')
        return this.#sized(length === 8, 'PING')
      case frameType.goaway:
        if (streamId !== 0) return this.#fail(http2Error.protocolError, 'GOAWAY on a stream')
        return this.#sized(length >= 8 && length <= maxGoawayBytes, 'GOAWAY')
      case frameType.priority:
        return this.#priorityHeader(header)
      case frameType.pushPromise:
        return this.#fail(http2Error.protocolError, 'PUSH_PROMISE, which nobody may send here')
      default:
        if (this.#emptyBudget.take()) return payloadPlan.skip
        return this.#fail(http2Error.enhanceYourCalm, 'too many frames of unknown type')
    }
  }

  #boundedBlock(header: FrameHeader): PayloadPlan {
    if (header.streamId === 0) return this.#fail(http2Error.protocolError, 'HEADERS on stream 0')
    if (header.type === frameType.continuation && this.#headers.openId === 0) {
      return this.#fail(http2Error.protocolError, 'CONTINUATION of nothing')
    }
    if (header.length > this.#core.limits.maxHeaderBlockBytes + headersExtraBytes) {
      return this.#fail(http2Error.enhanceYourCalm, 'a header block is too long')
    }
    return payloadPlan.whole
  }

  #settingsHeader(header: FrameHeader): PayloadPlan {
    const { length } = header
    if (header.streamId !== 0) return this.#fail(http2Error.protocolError, 'SETTINGS on a stream')
    if (header.has(frameFlag.ack)) return this.#sized(length === 0, 'SETTINGS acknowledgement')
    if (!this.#settingsBudget.take() || length > maxSettingsBytes) {
      return this.#fail(http2Error.enhanceYourCalm, 'too many SETTINGS')
    }
    this.#settingsSeen = true
    return this.#sized(length % settingBytes === 0, 'SETTINGS')
  }

  /** Priorities are obsolete (RFC 9113 §5.3): only counted and checked. */
  #priorityHeader(header: FrameHeader): PayloadPlan {
    const { length, streamId } = header
    if (streamId === 0) return this.#fail(http2Error.protocolError, 'PRIORITY on stream 0')
    if (!this.#priorityBudget.take())
      return this.#fail(http2Error.enhanceYourCalm, 'too many PRIORITY frames')
    if (length === 5) return payloadPlan.whole
    this.#failStreamOrSession(streamId, http2Error.frameSizeError, 'PRIORITY has a wrong length')
    return payloadPlan.skip
  }

  #sized(right: boolean, name: string): PayloadPlan {
    return right ? payloadPlan.whole : this.#fail(http2Error.frameSizeError, `${name} has a wrong length`)
  }

  // ---- other frames: their payloads

  #windowUpdate(id: number, increment: number): void {
    const core = this.#core
    if (id === 0) {
      this.#sessionWindowUpdate(increment)
      return
    }
    const stream = core.streams.get(id)
    if (stream === undefined) {
      if (core.streams.isIdle(id)) this.#fail(http2Error.protocolError, 'WINDOW_UPDATE on an idle stream')
    } else if (increment === 0) {
      core.failStream(stream, http2Error.protocolError)
    } else if (stream.sendWindow + increment > maxInt31) {
      core.failStream(stream, http2Error.flowControlError)
    } else {
      stream.sendWindow += increment
      core.waiting.wakeOne(stream)
    }
  }

  #sessionWindowUpdate(increment: number): void {
    const { sender, waiting } = this.#core
    if (increment === 0) {
      this.#fail(http2Error.protocolError, 'WINDOW_UPDATE by 0')
    } else if (sender.window + increment > maxInt31) {
      this.#fail(http2Error.flowControlError, 'WINDOW_UPDATE beyond 2^31-1')
    } else {
      sender.window += increment
      waiting.wake()
    }
  }

  #resetStream(id: number, code: number): void {
    const core = this.#core
    const stream = core.streams.get(id)
    if (stream === undefined) {
      if (core.streams.isIdle(id)) this.#fail(http2Error.protocolError, 'RST_STREAM on an idle stream')
      else if (!this.#emptyBudget.take())
        this.#fail(http2Error.enhanceYourCalm, 'too many resets of closed streams')
      return
    }
    const unanswered = !stream.answered && !core.streams.isOwn(id)
    core.onRemoteReset(stream, code)
    if (unanswered) core.spendReset('too many streams opened only to be reset')
  }

  #settings(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    if (header.has(frameFlag.ack)) {
      this.#onSettingsAck()
      return
    }
    const core = this.#core
    const { sender } = core
    const before = sender.remote.initialWindowBytes
    const code = sender.remote.apply(bytes, start, end, core.role)
    if (code !== http2Error.noError) {
      this.#fail(code, 'a value in SETTINGS is not allowed')
      return
    }
    if (!this.#shiftWindows(sender.remote.initialWindowBytes - before)) return
    sender.encoder.setPeerMaxBytes(sender.remote.headerTableBytes)
    // At once (RFC 9113 §6.5.3): before what the new windows let out.
    sender.settingsAck()
    core.waiting.wake()
    core.options.onOpenable?.()
  }

  /** A new initial window moves those of all streams, also below zero (RFC 9113 §6.9.2). */
  #shiftWindows(by: number): boolean {
    if (by === 0) return true
    const { streams } = this.#core
    for (const stream of streams.all()) {
      stream.sendWindow += by
      if (stream.sendWindow > maxInt31) {
        this.#fail(http2Error.flowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE overflows a window')
        return false
      }
    }
    return true
  }

  #ping(header: FrameHeader, bytes: Buffer, start: number): void {
    const core = this.#core
    if (header.has(frameFlag.ack)) {
      if (core.pings.onAck(bytes, start) === pingPurpose.drain) core.finishDrain()
    } else if (this.#pingBudget.take()) {
      core.sender.ping(frameFlag.ack, bytes, start)
    } else {
      this.#fail(http2Error.enhanceYourCalm, 'too many PING frames')
    }
  }

  /** Streams of ours above `lastId` were never looked at: they may be tried again elsewhere (RFC 9113 §6.8). */
  #goaway(lastId: number, code: number): void {
    const core = this.#core
    core.draining = true
    core.remoteGoaway = code
    core.options.onGoaway?.(code)
    for (const stream of core.streams.all()) {
      if (core.streams.isOwn(stream.id) && stream.id > lastId)
        core.onRemoteReset(stream, http2Error.refusedStream)
    }
    core.endIfDrained()
  }

  #priority(id: number, dependency: number): void {
    if (id !== dependency) return
    this.#failStreamOrSession(id, http2Error.protocolError, 'a stream depends on itself')
  }

  #failStreamOrSession(id: number, code: number, message: string): void {
    const stream = this.#core.streams.get(id)
    if (stream === undefined) this.#fail(code, message)
    else this.#core.failStream(stream, code)
  }

  #fail(code: number, message: string): PayloadPlan {
    this.#core.fail(code, message)
    return payloadPlan.skip
  }
}
