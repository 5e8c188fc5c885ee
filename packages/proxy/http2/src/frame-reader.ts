import { byteAt, clientPreface, frameFlag, FrameHeader, frameHeaderBytes } from './frame.ts'

/** What becomes of a frame's payload, decided by its header. */
export const payloadPlan = {
  /** Wait for all of it. Its length must be bounded by then. */
  whole: 0,
  /** DATA: pass it on as it arrives. */
  stream: 1,
  /** Nobody wants it. */
  skip: 2,
} as const
export type PayloadPlan = (typeof payloadPlan)[keyof typeof payloadPlan]

/** What frames are read for. Each of these may stop the reader. */
export interface FrameSink {
  onFrameHeader(header: FrameHeader): PayloadPlan
  /** A whole payload. Valid during the call. */
  onFrame(header: FrameHeader, bytes: Buffer, start: number, end: number): void
  /** A piece of DATA without padding. True if the buffer is kept. */
  onData(bytes: Buffer, start: number, end: number): boolean
  /** Padding, with its length byte: flow-controlled, but nobody's payload. */
  onPadding(bytes: number): void
  /** DATA has ended. */
  onDataEnd(header: FrameHeader): void
  /** The client preface, or the padding of DATA, is wrong. */
  onBadFraming(message: string): void
}

const phase = { preface: 0, header: 1, whole: 2, padLength: 3, data: 4, padding: 5, skip: 6 } as const
type Phase = (typeof phase)[keyof typeof phase]

/** Finds frames in whatever pieces bytes come (RFC 9113 §4). DATA is never gathered: it passes while its frame arrives. */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #header: FrameHeader = new FrameHeader()
  /** A frame header of which only a part has come. */
  readonly #partial: Buffer = Buffer.alloc(frameHeaderBytes)
  #phase: Phase
  /** Bytes gathered so far: of the preface, of a frame header, or of a whole payload. */
  #gathered = 0
  /** Payload bytes that are still to come, without padding. */
  #left = 0
  #padding = 0
  #payload: Buffer | undefined
  #stopped = false
  /** Stopped for a while. */
  #resting = false
  /** How far `read` came. */
  readTo = 0
  /** That have come whole. */
  frames = 0

  constructor(sink: FrameSink, expectPreface: boolean) {
    this.#sink = sink
    this.#phase = expectPreface ? phase.preface : phase.header
  }

  /** Whether a part of a frame has come that waits here for the rest. DATA does not, and what nobody wants. */
  get isPartial(): boolean {
    return this.#phase === phase.whole || (this.#phase === phase.header && this.#gathered > 0)
  }

  /** Reads no further, not even the rest of the bytes it was just given. */
  stop(): void {
    this.#stopped = true
    this.#payload = undefined
  }

  /** Reads no further than the frame that it is at, until it is given bytes again: the rest of these first. */
  rest(): void {
    this.#resting = true
  }

  /** True if the sink kept the buffer. */
  read(bytes: Buffer, start: number, end: number): boolean {
    let at = start
    let kept = false
    this.#resting = false
    while (at < end && !this.#stopped && !this.#resting) {
      if (this.#phase === phase.data) {
        const to = Math.min(end, at + this.#left)
        if (this.#sink.onData(bytes, at, to)) kept = true
        this.#left -= to - at
        at = to
        if (this.#left === 0) this.#dataEnds()
      } else {
        at = this.#step(bytes, at, end)
      }
    }
    this.readTo = at
    return kept
  }

  #step(bytes: Buffer, at: number, end: number): number {
    switch (this.#phase) {
      case phase.preface:
        return this.#preface(bytes, at, end)
      case phase.header:
        return this.#frameHeader(bytes, at, end)
      case phase.whole:
        return this.#whole(bytes, at, end)
      case phase.padLength:
        return this.#padLength(bytes, at)
      case phase.data:
      case phase.padding:
      case phase.skip:
        return this.#drop(at, end)
    }
  }

  #preface(bytes: Buffer, at: number, end: number): number {
    for (; at < end && this.#gathered < clientPreface.length; at++) {
      if (byteAt(bytes, at) !== clientPreface.charCodeAt(this.#gathered++)) {
        this.#sink.onBadFraming('the client preface is wrong')
        return end
      }
    }
    if (this.#gathered === clientPreface.length) this.#next()
    return at
  }

  #frameHeader(bytes: Buffer, at: number, end: number): number {
    const missing = frameHeaderBytes - this.#gathered
    if (this.#gathered === 0 && end - at >= frameHeaderBytes) {
      this.#header.read(bytes, at)
      this.#begin()
      return at + frameHeaderBytes
    }
    const to = Math.min(end, at + missing)
    bytes.copy(this.#partial, this.#gathered, at, to)
    this.#gathered += to - at
    if (this.#gathered === frameHeaderBytes) {
      this.#header.read(this.#partial, 0)
      this.#begin()
    }
    return to
  }

  #begin(): void {
    const header = this.#header
    this.#gathered = 0
    this.#left = header.length
    this.#padding = 0
    const plan = this.#sink.onFrameHeader(header)
    if (this.#stopped) return
    if (plan === payloadPlan.stream) this.#beginData(header)
    else this.#phase = plan === payloadPlan.whole ? phase.whole : phase.skip
    if (header.length > 0 || plan === payloadPlan.stream) return
    if (plan === payloadPlan.whole) this.#sink.onFrame(header, this.#partial, 0, 0)
    this.#next()
  }

  #beginData(header: FrameHeader): void {
    const padded = header.has(frameFlag.padded)
    this.#phase = padded ? phase.padLength : phase.data
    if (header.length > 0) return
    if (padded) this.#sink.onBadFraming('a padded frame is empty')
    else this.#dataEnds()
  }

  #whole(bytes: Buffer, at: number, end: number): number {
    const { length } = this.#header
    if (this.#payload === undefined && end - at >= length) {
      this.#next()
      this.#sink.onFrame(this.#header, bytes, at, at + length)
      return at + length
    }
    this.#payload ??= Buffer.allocUnsafe(length)
    const to = Math.min(end, at + length - this.#gathered)
    bytes.copy(this.#payload, this.#gathered, at, to)
    this.#gathered += to - at
    if (this.#gathered === length) {
      const payload = this.#payload
      this.#payload = undefined
      this.#next()
      this.#sink.onFrame(this.#header, payload, 0, length)
    }
    return to
  }

  /** RFC 9113 §6.1: padding as long as the rest of the frame, or longer, is an error. */
  #padLength(bytes: Buffer, at: number): number {
    this.#padding = byteAt(bytes, at)
    this.#left -= 1 + this.#padding
    if (this.#left < 0) {
      this.#sink.onBadFraming('padding is longer than its frame')
      return at + 1
    }
    this.#phase = phase.data
    this.#sink.onPadding(1 + this.#padding)
    if (this.#left === 0 && !this.#stopped) this.#dataEnds()
    return at + 1
  }

  /** The end of the payload proper: END_STREAM need not wait for the padding. */
  #dataEnds(): void {
    this.#next()
    if (this.#padding > 0) {
      this.#phase = phase.padding
      this.#left = this.#padding
    }
    if (!this.#stopped) this.#sink.onDataEnd(this.#header)
  }

  #drop(at: number, end: number): number {
    const to = Math.min(end, at + this.#left)
    this.#left -= to - at
    if (this.#left === 0) this.#next()
    return to
  }

  #next(): void {
    this.#phase = phase.header
    this.#gathered = 0
    this.frames++
  }
}
