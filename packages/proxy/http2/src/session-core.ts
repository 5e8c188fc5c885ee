import { systemClock } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { http2Error } from './error-codes.ts'
import { maxInt31 } from './frame.ts'
import { defaultLimits } from './limits.ts'
import type { Http2Limits } from './limits.ts'
import { Pings, pingPurpose } from './pings.ts'
import { RateBudget } from './rate-budget.ts'
import { ReceiveWindow } from './receive-window.ts'
import type { WindowGrowth } from './receive-window.ts'
import { Sender } from './sender.ts'
import { defaultSettings } from './session-options.ts'
import type { Http2SessionOptions, Http2Settings, SessionEnd, WindowBudget } from './session-options.ts'
import { StreamTable } from './stream-table.ts'
import { Stream } from './stream.ts'
import type { StreamHost } from './stream.ts'
import type { TurnBudget } from './turn-budget.ts'
import { WaitingStreams } from './waiting-streams.ts'

/** A window of the session is kept this many times as wide as the widest stream's. */
const sessionToStreamWindow = 4

/** Before the first measurement: what a round trip inside a data centre may be. */
const assumedRoundTripMs = 5

/** The stall timer looks this often within `stallTimeoutMs`. */
const stallLooks = 4

/**
 * What both directions of a session share: its streams, windows, budgets and its end. States:
 *
 *     open ── drain, or the peer's GOAWAY ──► draining ── last stream gone ──► closed
 *       └──────────── error, goaway, destroy, transport gone ────────────────────► closed
 */
export class SessionCore implements StreamHost, WindowGrowth {
  readonly role: 'client' | 'server'
  readonly options: Http2SessionOptions
  readonly settings: Http2Settings
  readonly limits: Http2Limits
  readonly clock: Clock
  readonly sender: Sender
  readonly streams: StreamTable
  readonly waiting: WaitingStreams
  readonly pings: Pings
  readonly window: ReceiveWindow
  readonly budget: WindowBudget | undefined
  readonly resetBudget: RateBudget
  /** Of header blocks; undefined: any number. */
  turnBudget: TurnBudget | undefined
  closed = false
  /** No new streams from us: we drain, or the peer said GOAWAY. */
  draining = false
  /** Streams of the peer above this are not taken: what our last GOAWAY named. */
  lastTakenId: number = maxInt31
  /** The peer said GOAWAY; its code. */
  remoteGoaway: number | undefined
  bytesUnconsumed = 0
  #onClosed: () => void = () => undefined
  #timers: Disposable[] = []

  constructor(options: Http2SessionOptions) {
    this.options = options
    this.role = options.role
    this.settings = { ...defaultSettings, ...options.settings }
    this.limits = { ...defaultLimits(options.role), ...options.limits }
    this.clock = options.clock ?? systemClock
    this.budget = options.windowBudget
    this.sender = new Sender(options.transport)
    this.streams = new StreamTable(options.role)
    this.waiting = new WaitingStreams(this.sender)
    this.pings = new Pings(this.sender, this.clock)
    this.resetBudget = new RateBudget(this.limits.resets, this.clock)
    // Every session begins with 65 535 bytes, whatever SETTINGS say (RFC 9113 §6.9.2).
    this.window = new ReceiveWindow(65_535, 65_535)
    if (this.limits.stallTimeoutMs > 0) {
      this.#timers.push(this.clock.every(this.limits.stallTimeoutMs / stallLooks, () => this.#endStalled()))
    }
  }

  monotonicMs(): number {
    return this.clock.monotonicMs()
  }

  get roundTripMs(): number {
    return this.pings.roundTripMs ?? assumedRoundTripMs
  }

  /** `stop` makes the reader stop, wherever in its bytes it is. */
  onClosed(stop: () => void): void {
    this.#onClosed = stop
  }

  /** Runs `run` once after `ms`, unless the session ends before. */
  after(ms: number, run: () => void): Disposable {
    const timer = this.clock.after(ms, run)
    this.#timers.push(timer)
    return timer
  }

  // ---- streams

  newStream(id: number): Stream {
    const { initialStreamWindowBytes: size } = this.settings
    // Until our SETTINGS reach it, the peer believes in 65 535.
    const stream = new Stream(
      id,
      this,
      this.sender.remote.initialWindowBytes,
      new ReceiveWindow(Math.max(size, 65_535), size),
    )
    this.streams.add(stream)
    return stream
  }

  waitForRoom(stream: Stream): void {
    if (!stream.closed) this.waiting.add(stream)
  }

  onLocalEnd(stream: Stream): void {
    this.waiting.remove(stream)
    if (stream.remoteEnded) this.#retire(stream)
  }

  onLocalReset(stream: Stream, code: number): void {
    this.sender.reset(stream.id, code)
    this.streams.rememberReset(stream.id)
    this.#abandon(stream)
  }

  /** The peer sent END_STREAM. */
  onRemoteEnd(stream: Stream): void {
    stream.remoteEnded = true
    const wasEnded = stream.localEnded
    stream.handler.onEnd()
    if (wasEnded && !stream.closed) this.#retire(stream)
  }

  /** The peer sent RST_STREAM, or GOAWAY below the stream. */
  onRemoteReset(stream: Stream, code: number): void {
    this.#abandon(stream)
    stream.handler.onReset(code)
  }

  /** A stream error that the peer made (RFC 9113 §5.4.2): counted, as it costs us an answer. */
  failStream(stream: Stream, code: number): void {
    if (stream.closed) return
    this.onLocalReset(stream, code)
    stream.handler.onReset(code)
    this.spendReset('too many stream errors')
  }

  /** The same for a stream that never came to be, or is no more. */
  rejectStream(id: number, code: number): void {
    this.sender.reset(id, code)
    this.streams.rememberReset(id)
    this.spendReset('too many refused streams')
  }

  spendReset(message: string): void {
    if (!this.resetBudget.take()) this.fail(http2Error.enhanceYourCalm, message)
  }

  // ---- receive windows

  credit(stream: Stream, bytes: number): void {
    this.bytesUnconsumed -= bytes
    this.creditStream(stream, bytes)
    this.creditSession(bytes)
  }

  creditStream(stream: Stream, bytes: number): void {
    if (stream.remoteEnded || stream.closed) return
    const increment = stream.receiveWindow.credit(bytes, this.settings.maxStreamWindowBytes, this)
    if (increment === 0) return
    this.sender.windowUpdate(stream.id, increment)
    const wide = stream.receiveWindow.size * sessionToStreamWindow
    if (wide > this.window.size) this.window.widen(Math.min(wide, this.settings.maxSessionWindowBytes), this)
  }

  creditSession(bytes: number): void {
    if (this.closed) return
    const increment = this.window.credit(bytes, this.settings.maxSessionWindowBytes, this)
    if (increment > 0) this.sender.windowUpdate(0, increment)
  }

  /** Nothing came for a while. What waits to be consumed stays counted. */
  rest(): void {
    if (this.bytesUnconsumed > 0) return
    this.window.rest(this)
    for (const stream of this.streams.all()) stream.receiveWindow.rest(this)
  }

  // ---- the end

  /** A connection error (RFC 9113 §5.4.1): GOAWAY with the code, and everything ends. */
  fail(code: number, message: string): void {
    this.end({ cause: 'local-error', code, message }, true)
  }

  /** Ends the session once; `goaway` tells the peer first. */
  end(end: SessionEnd, goaway: boolean): void {
    if (this.closed) return
    this.closed = true
    this.draining = true
    this.#onClosed()
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#timers = []
    this.pings.stop()
    if (goaway) this.sender.goaway(this.streams.lastPeerId, end.code, end.message)
    const abrupt = end.cause === 'transport' || (end.cause === 'destroyed' && !goaway)
    if (abrupt) this.sender.destroy()
    else this.#endTransport()
    const code = end.code === http2Error.noError ? http2Error.cancel : end.code
    for (const stream of this.streams.all()) this.onRemoteReset(stream, code)
    this.window.release(this)
    this.options.onClose(end)
  }

  /** The peer is gone: whatever the transport still holds for it is of no use. */
  onTransportClosed(): void {
    this.end({ cause: 'transport', code: http2Error.noError, message: 'the transport closed' }, false)
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#timers = []
    this.sender.destroy()
  }

  /** Draining, and nothing runs any more? */
  endIfDrained(): void {
    if (!this.draining || this.closed || this.streams.count > 0) return
    const drained = this.lastTakenId !== maxInt31
    const code = this.remoteGoaway
    if (code !== undefined && !(drained && code === http2Error.noError)) {
      this.end({ cause: 'remote-goaway', code, message: 'the peer said GOAWAY' }, false)
    } else if (drained) {
      this.end({ cause: 'drained', code: http2Error.noError, message: 'drained' }, false)
    }
  }

  /** RFC 9113 §6.8: first a GOAWAY that cuts nothing off, and the true one when the peer must have seen that. */
  drain(): void {
    if (this.closed || this.lastTakenId !== maxInt31) return
    const begun = this.draining && this.remoteGoaway === undefined
    this.draining = true
    if (this.role === 'client') {
      this.finishDrain()
    } else if (!begun) {
      this.sender.goaway(maxInt31, http2Error.noError, '')
      this.pings.send(pingPurpose.drain)
    }
  }

  finishDrain(): void {
    if (this.closed || !this.draining || this.lastTakenId !== maxInt31) return
    this.lastTakenId = this.streams.lastPeerId
    this.sender.goaway(this.lastTakenId, http2Error.noError, '')
    this.endIfDrained()
  }

  #endTransport(): void {
    this.sender.end()
    const timer = this.clock.after(this.limits.closeTimeoutMs, () => this.sender.destroy())
    this.#timers.push(timer)
  }

  /** Both directions have ended in order. */
  #retire(stream: Stream): void {
    if (stream.closed) return
    stream.closed = true
    this.#forget(stream)
  }

  #abandon(stream: Stream): void {
    stream.localEnded = true
    stream.remoteEnded = true
    stream.closed = true
    const { unconsumed } = stream
    stream.unconsumed = 0
    this.bytesUnconsumed -= unconsumed
    // Or a few stalled streams that end in a reset would use up the session's window for good.
    if (unconsumed > 0) this.creditSession(unconsumed)
    this.#forget(stream)
  }

  #forget(stream: Stream): void {
    this.waiting.remove(stream)
    this.streams.remove(stream)
    stream.receiveWindow.release(this)
    if (this.closed) return
    if (this.draining) this.endIfDrained()
    else if (this.streams.isOwn(stream.id)) this.options.onOpenable?.()
  }

  #endStalled(): void {
    for (const stream of this.waiting.stalled(stallLooks)) {
      this.onLocalReset(stream, http2Error.cancel)
      stream.handler.onReset(http2Error.cancel)
    }
  }
}
