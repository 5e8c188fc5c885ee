import { http2Error } from './error-codes.ts'
import { FrameDeadline, nothingBegun } from './frame-deadline.ts'
import { FrameReader } from './frame-reader.ts'
import { isSendable, valueOf } from './header-rules.ts'
import { fieldSize } from './hpack-table.ts'
import { Inbound } from './inbound.ts'
import { SessionCore } from './session-core.ts'
import { defaultKeepalive } from './session-options.ts'
import type { Http2Counters, Http2Session, Http2SessionOptions } from './session-options.ts'
import type { HeaderList, Http2Stream, StreamHandler, Transport } from './session-types.ts'
import { TurnBudget } from './turn-budget.ts'
import { encodeSettings } from './wire-settings.ts'

/**
 * Starts an HTTP/2 connection over `transport`. The preface and SETTINGS leave with the first turn's output; streams may be
 * opened at once.
 */
export function createHttp2Session(options: Http2SessionOptions): Http2Session {
  return new Session(options)
}

class Session implements Http2Session {
  readonly role: 'client' | 'server'
  readonly #core: SessionCore
  readonly #reader: FrameReader
  readonly #inbound: Inbound
  readonly #frameDeadline: FrameDeadline
  readonly #startedMs: number
  #settingsTimer: Disposable | undefined
  readonly #transport: Transport
  /** Behind the frame that was enough for one turn. */
  #rest: Buffer | undefined

  constructor(options: Http2SessionOptions) {
    this.role = options.role
    this.#core = new SessionCore(options)
    this.#inbound = new Inbound(this.#core, () => this.#onSettingsAck())
    this.#reader = new FrameReader(this.#inbound, options.role === 'server')
    this.#transport = options.transport
    const { clock, limits } = this.#core
    this.#frameDeadline = new FrameDeadline(clock, limits.frameTimeoutMs, () =>
      this.#core.fail(http2Error.enhanceYourCalm, 'a frame did not come whole in time'),
    )
    this.#core.onClosed(() => {
      this.#reader.stop()
      this.#frameDeadline.close()
    })
    if (options.role === 'server' && options.transport.pauseReading !== undefined)
      this.#core.turnBudget = new TurnBudget(this.#core.limits.maxHeaderBytesPerTurn, {
        spent: () => this.#reader.rest(),
        turned: () => this.#readRest(),
      })
    this.#startedMs = this.#core.clock.monotonicMs()
    this.#greet()
    const keepalive = options.keepalive ?? defaultKeepalive
    if (keepalive !== false) {
      this.#core.pings.start(keepalive, {
        dead: () => {
          const message = 'no answer to PING'
          this.#core.end({ cause: 'keepalive', code: http2Error.noError, message }, true)
        },
        quiet: () => this.#core.rest(),
      })
    }
  }

  get usable(): boolean {
    return !this.#core.closed && !this.#core.draining
  }

  get openable(): number {
    const core = this.#core
    if (this.role === 'server' || !this.usable) return 0
    return Math.max(0, core.sender.remote.maxConcurrentStreams - core.streams.ownOpen)
  }

  get takesExtendedConnect(): boolean | undefined {
    const { remote } = this.#core.sender
    return remote.came ? remote.enableConnectProtocol : undefined
  }

  get bytesUnconsumed(): number {
    return this.#core.bytesUnconsumed
  }

  get counters(): Http2Counters {
    const { streams, sender, window, pings, bytesUnconsumed } = this.#core
    return {
      streamsOpen: streams.count,
      streamsOpened: streams.opened,
      remoteMaxStreams: sender.remote.maxConcurrentStreams,
      bytesBuffered: sender.bytesBuffered,
      sendWindowBytes: sender.window,
      receiveWindowBytes: window.size,
      bytesUnconsumed,
      roundTripMs: pings.roundTripMs,
    }
  }

  receive(bytes: Buffer, start: number, end: number): boolean {
    if (this.#core.closed) return false
    this.#core.pings.heard()
    if (this.#rest !== undefined) {
      this.#rest = Buffer.concat([this.#rest, bytes.subarray(start, end)])
      return false
    }
    return this.#read(bytes, start, end)
  }

  onTransportDrain(): void {
    this.#core.sender.unblock()
    this.#core.waiting.wake()
  }

  onTransportClose(): void {
    this.#core.onTransportClosed()
  }

  open(headers: HeaderList, handler: StreamHandler, endStream: boolean = false): Http2Stream | undefined {
    const core = this.#core
    if (this.openable === 0 || !isSendable(headers) || !this.#fitsPeer(headers)) return undefined
    const id = core.streams.takeOwnId()
    if (id === 0) return undefined
    const stream = core.newStream(id)
    stream.handler = handler
    stream.withoutPayload = hasNoResponsePayload(valueOf(headers, ':method'))
    stream.sendHeaders(headers, endStream)
    return stream
  }

  goaway(code: number): void {
    this.#core.end({ cause: 'destroyed', code, message: 'ended by us' }, true)
  }

  drain(): void {
    this.#core.drain()
  }

  destroy(): void {
    this.#core.end({ cause: 'destroyed', code: http2Error.cancel, message: 'destroyed' }, false)
  }

  flush(): void {
    this.#core.sender.flush()
  }

  #read(bytes: Buffer, start: number, end: number): boolean {
    const kept = this.#reader.read(bytes, start, end)
    if (this.#core.closed) return kept
    const { readTo, isPartial, frames } = this.#reader
    if (readTo < end) {
      this.#rest = Buffer.from(bytes.subarray(readTo, end))
      this.#transport.pauseReading?.()
    }
    const { openFrames } = this.#inbound
    this.#frameDeadline.see(isPartial || openFrames > 0 ? frames - openFrames : nothingBegun)
    return kept
  }

  /** The turn is over in which enough was read. */
  #readRest(): void {
    const rest = this.#rest
    if (rest === undefined) return
    this.#rest = undefined
    if (!this.#core.closed) this.#read(rest, 0, rest.length)
    if (this.#rest === undefined) this.#transport.resumeReading?.()
  }

  #greet(): void {
    const { sender, settings, limits, window } = this.#core
    if (this.role === 'client') sender.preface()
    sender.settings(encodeSettings(this.role, settings, limits))
    const more = settings.initialSessionWindowBytes - window.size
    if (more > 0) sender.windowUpdate(0, window.open(more))
    this.#settingsTimer = this.#core.after(limits.settingsTimeoutMs, () => {
      this.#core.fail(http2Error.settingsTimeout, 'SETTINGS were not acknowledged')
    })
  }

  #onSettingsAck(): void {
    if (this.#settingsTimer === undefined) return
    this.#settingsTimer[Symbol.dispose]()
    this.#settingsTimer = undefined
    this.#core.pings.sample(this.#core.clock.monotonicMs() - this.#startedMs)
    this.#inbound.useTableBytes(this.#core.settings.headerTableBytes)
  }

  /** SETTINGS_MAX_HEADER_LIST_SIZE is advice, but a peer that gave it will refuse what is longer. */
  #fitsPeer(headers: HeaderList): boolean {
    const max = this.#core.sender.remote.maxHeaderListBytes
    if (max === Number.POSITIVE_INFINITY) return true
    let bytes = 0
    for (let i = 0; i < headers.length; i += 2) bytes += fieldSize(headers[i] ?? '', headers[i + 1] ?? '')
    return bytes <= max
  }
}

/** RFC 9110 §9.3.2, §9.3.6: their content-length speaks of something else. */
function hasNoResponsePayload(method: string): boolean {
  return method === 'HEAD' || method === 'CONNECT'
}
