import { restThisTurn, spendTurn, turnOfThread } from '@tulle/core'
import type { Clock, Resting } from '@tulle/core'
import { http2Error } from '@tulle/http2'

import { refusalAnswer } from './answer-plan.ts'
import { BodyReader, found } from './body-reader.ts'
import { BodyWriter } from './body-writer.ts'
import { Deadline } from './deadline.ts'
import type {
  Http1Connection,
  Http1Transport,
  RequestHead,
  ServerExchange,
  ServerHandler,
} from './exchange.ts'
import { needsMore, refused } from './head-reader.ts'
import { HeldBytes } from './held-bytes.ts'
import { defaultLimits } from './limits.ts'
import type { Http1Limits } from './limits.ts'
import { Output } from './output.ts'
import { ReadCredit } from './read-credit.ts'
import { refusals } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { RequestReader } from './request-reader.ts'
import { Exchange } from './server-exchange.ts'
import type { ExchangeOwner } from './server-exchange.ts'

export interface Http1ServerOptions {
  readonly transport: Http1Transport
  readonly clock: Clock
  /** Of the connection: `https` over TLS. */
  readonly scheme: 'http' | 'https'
  readonly limits?: Partial<Http1Limits>
  /**
   * A request. With `end`, `onEnd` follows at once; where `head.protocol` is set or the method is CONNECT, `end` is false, and
   * payload comes only once the answer has made a tunnel. May answer before it returns.
   */
  onRequest(head: RequestHead, exchange: ServerExchange, end: boolean): ServerHandler
  /** A request was refused here, and answered so: for logs and counters. A handler that had begun with it hears `onReset`. */
  onRefused?(refusal: Refusal): void
  /** Once, when the connection is over. */
  onClose?(): void
}

/**
 * The server's side of an HTTP/1.1 connection. Requests are handled one at a time, in order; what is pipelined behind one waits,
 * and reading with it. A client that ends its side before it has its answer has gone: the request is broken off.
 */
export function createHttp1Server(options: Http1ServerOptions): Http1Connection {
  return new ServerConnection(options)
}

type State = 'head' | 'body' | 'waiting' | 'tunnel' | 'lingering' | 'closed'

class ServerConnection implements Http1Connection, ExchangeOwner, Resting {
  readonly output: Output
  readonly writer: BodyWriter
  readonly #options: Http1ServerOptions
  readonly #limits: Http1Limits
  readonly #reader: RequestReader
  readonly #body: BodyReader
  readonly #credit: ReadCredit
  readonly #held: HeldBytes = new HeldBytes()
  /** What the transport handed over in the middle of a read: it belongs behind all of that. */
  readonly #late: HeldBytes = new HeldBytes()
  readonly #deadline: Deadline
  readonly #stall: Deadline
  readonly #startedMs: number
  #state: State = 'head'
  #exchange: Exchange | undefined
  #requests = 0
  /** Those that were begun in this turn of the event loop. */
  #requestsOfTurn = 0
  #turn = 0
  /** The thread has done enough in this turn for others than first requests. */
  #isTurnSpent = false
  #isResting = false
  #isReading = false
  #isDraining = false
  /** The connection ends behind the answer in progress. */
  #isLast = false
  #peerEnded = false
  #bodyBytes = 0
  #bodyBytesBefore = 0
  #isShut = false
  #lingeredBytes = 0

  constructor(options: Http1ServerOptions) {
    const { transport, clock } = options
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#reader = new RequestReader(this.#limits, options.scheme)
    this.#body = new BodyReader(this.#limits)
    this.#credit = new ReadCredit(transport, this.#limits.maxUnconsumedBytes)
    this.#deadline = new Deadline(clock, () => this.#onDeadline())
    this.#stall = new Deadline(clock, () => this.destroy())
    this.output = new Output(transport, this.#stall, this.#limits.stallTimeoutMs)
    this.writer = new BodyWriter(this.output)
    this.#startedMs = this.#limits.maxAgeMs > 0 ? clock.monotonicMs() : 0
    this.#deadline.set(this.#limits.headTimeoutMs)
  }

  receive(bytes: Buffer, start: number, end: number): boolean {
    if (this.#state === 'closed' || end <= start) return false
    if (this.#isReading) this.#late.add(bytes, start, end)
    else if (this.#held.isEmpty) return this.#read(bytes, start, end)
    else this.#hold(bytes, start, end)
    return false
  }

  onTransportDrain(): void {
    this.output.unblock()
    this.#exchange?.handler?.onWritable()
    this.#readHeld()
  }

  onTransportEnd(): void {
    if (this.#peerEnded) return
    this.#peerEnded = true
    switch (this.#state) {
      case 'tunnel':
        this.#exchange?.handler?.onEnd()
        if (this.#isLast) this.#endTunnel()
        return
      case 'head':
      case 'lingering':
        this.#shut()
        return
      case 'body':
      case 'waiting':
      case 'closed':
        this.destroy()
    }
  }

  onTransportClose(): void {
    this.destroy()
  }

  drain(idleMs: number = 0): void {
    const isFirst = !this.#isDraining
    this.#isDraining = true
    if (this.#state !== 'head' || this.#reader.isPartial || !this.#held.isEmpty) return
    if (idleMs === 0) this.#shut()
    else if (isFirst) this.#deadline.set(idleMs)
  }

  destroy(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#deadline.close()
    this.#stall.close()
    this.#held.drop()
    this.#late.drop()
    this.#breakOff(http2Error.cancel)
    this.output.destroy()
    this.#options.onClose?.()
  }

  isLast(): boolean {
    const { maxAgeMs, maxRequests } = this.#limits
    if (
      this.#isDraining ||
      this.#state === 'body' ||
      (maxRequests > 0 && this.#requests >= maxRequests) ||
      (maxAgeMs > 0 && this.#options.clock.monotonicMs() - this.#startedMs >= maxAgeMs) ||
      this.#exchange?.awaitsTunnel === true
    )
      this.#isLast = true
    return this.#isLast
  }

  onTunnel(): void {
    this.#state = 'tunnel'
    this.#isLast = false
    this.#readHeld()
  }

  onAnswered(): void {
    if (this.#state === 'tunnel') {
      this.#isLast = true
      this.output.end()
      if (this.#peerEnded) this.#endTunnel()
      return
    }
    const isComplete = this.#state === 'waiting'
    this.#endExchange()
    if (this.#isLast || this.#isDraining || !isComplete) this.#shut()
    else {
      this.#state = 'head'
      this.#deadline.set(this.#limits.idleTimeoutMs)
      this.#readHeld()
    }
  }

  onBroken(): void {
    if (this.#exchange?.hasAnswer === true) this.destroy()
    else this.#refuse(refusals.badAnswer, http2Error.internalError)
  }

  onGivenUp(): void {
    this.#exchange = undefined
    this.destroy()
  }

  onConsumed(bytes: number): void {
    this.#credit.giveBack(bytes)
  }

  /** The turn is over in which enough was done for this connection. */
  resumeTurn(requests: number): void {
    this.#isResting = false
    this.#isTurnSpent = false
    this.#turn = turnOfThread()
    this.#requestsOfTurn = Math.max(0, this.#limits.maxRequestsPerTurn - requests)
    if (this.#state !== 'closed') this.#readHeld()
  }

  /** Returns whether a handler keeps the buffer. */
  #read(bytes: Buffer, start: number, end: number): boolean {
    let at = start
    let isKept = false
    this.#isReading = true
    while (at < end) {
      switch (this.#state) {
        case 'head':
          at = this.#mayBegin() ? this.#readHead(bytes, at, end) : this.#hold(bytes, at, end)
          break
        case 'body':
          isKept = this.#onStep(this.#body.step(bytes, at, end), bytes) || isKept
          at = this.#body.to
          break
        case 'tunnel':
          isKept = this.#onData(bytes, at, end) || isKept
          at = end
          break
        case 'waiting':
          at = this.#onEarly(bytes, at, end)
          break
        case 'lingering':
        case 'closed':
          this.#linger(end - at)
          at = end
      }
    }
    this.#isReading = false
    if (!this.#late.isEmpty) this.#readLate()
    return isKept
  }

  #readLate(): void {
    const bytes = this.#late.take()
    this.#hold(bytes, 0, bytes.length)
    this.#readHeld()
  }

  #readHead(bytes: Buffer, at: number, end: number): number {
    const isFirst = !this.#reader.isPartial
    const next = this.#reader.read(bytes, at, end)
    if (next >= 0) {
      this.#begin()
      return next
    }
    if (next === refused) this.#refuse(this.#reader.refusal, http2Error.protocolError)
    else if (next === needsMore && isFirst) this.#deadline.set(this.#limits.headTimeoutMs)
    return end
  }

  #begin(): void {
    const reader = this.#reader
    const { maxBodyBytes, bodyTimeoutMs } = this.#limits
    this.#requests++
    this.#requestsOfTurn++
    this.#isTurnSpent = !spendTurn(1)
    this.#isLast = reader.wantsClose || reader.isHttp10
    this.#bodyBytes = 0
    this.#bodyBytesBefore = 0
    if (maxBodyBytes > 0 && reader.contentLength > maxBodyBytes) {
      this.#refuse(refusals.bodyTooLarge, http2Error.enhanceYourCalm)
      return
    }
    const { method, isHttp10, protocol, contentLength, isChunked } = reader
    const exchange = new Exchange(this, { method, isHttp10, protocol })
    this.#exchange = exchange
    const isBodyless = !isChunked && contentLength <= 0
    this.#state = isBodyless ? 'waiting' : 'body'
    if (isChunked) this.#body.byChunks()
    else if (!isBodyless) this.#body.byLength(contentLength)
    if (isBodyless || bodyTimeoutMs === 0) this.#deadline.clear()
    else this.#deadline.set(bodyTimeoutMs)
    const end = isBodyless && !exchange.awaitsTunnel
    exchange.handler = this.#options.onRequest(reader.takeHead(), exchange, end)
    if (end && exchange.isOpen) exchange.handler.onEnd()
  }

  #onStep(what: number, bytes: Buffer): boolean {
    switch (what) {
      case found.data: {
        const body = this.#body
        const isKept = this.#onData(bytes, body.from, body.to)
        if (body.isOver && this.#state === 'body') this.#onBodyEnd()
        return isKept
      }
      case found.end:
        this.#onBodyEnd()
        return false
      case found.refused:
        this.#refuse(this.#body.refusal, http2Error.protocolError)
        return false
      default:
        return false
    }
  }

  #onData(bytes: Buffer, start: number, end: number): boolean {
    const handler = this.#exchange?.handler
    if (handler === undefined) return false
    const { maxBodyBytes } = this.#limits
    this.#bodyBytes += end - start
    if (maxBodyBytes > 0 && this.#bodyBytes > maxBodyBytes && this.#state === 'body') {
      this.#refuse(refusals.bodyTooLarge, http2Error.enhanceYourCalm)
      return false
    }
    this.#credit.spend(end - start)
    return handler.onData(bytes, start, end)
  }

  #onBodyEnd(): void {
    this.#state = 'waiting'
    this.#deadline.clear()
    const trailers = this.#body.takeTrailers()
    this.#exchange?.handler?.onEnd(trailers)
  }

  /** What comes behind a request that is being handled: the next ones, or bytes of a tunnel that is none yet. */
  #onEarly(bytes: Buffer, at: number, end: number): number {
    const exchange = this.#exchange
    if (exchange?.awaitsTunnel === true && exchange.facts.method !== 'CONNECT') {
      // Whoever refuses the upgrade would read them as a request.
      this.#refuse(refusals.earlyBytes, http2Error.protocolError)
      return end
    }
    return this.#hold(bytes, at, end)
  }

  #hold(bytes: Buffer, at: number, end: number): number {
    this.#held.add(bytes, at, end)
    this.#credit.hold()
    if (this.#held.length > this.#limits.maxPipelinedBytes)
      this.#refuse(refusals.pipelined, http2Error.enhanceYourCalm)
    return end
  }

  #readHeld(): void {
    // Whoever reads goes on by itself.
    if (this.#isReading) return
    while (!this.#held.isEmpty && this.#mayRead()) {
      const bytes = this.#held.take()
      this.#read(bytes, 0, bytes.length)
    }
    if (this.#held.isEmpty) this.#credit.release()
  }

  #mayRead(): boolean {
    return this.#state !== 'waiting' && (this.#state !== 'head' || this.#mayBegin())
  }

  /** Not while the client reads no answers, and not with request after request in one turn: others wait behind them. */
  #mayBegin(): boolean {
    if (this.#isResting || this.output.blocked) return false
    const turn = turnOfThread()
    if (turn !== this.#turn) {
      this.#turn = turn
      this.#requestsOfTurn = 0
      this.#isTurnSpent = false
    }
    if (this.#requestsOfTurn < this.#limits.maxRequestsPerTurn && !this.#isTurnSpent) return true
    this.#isResting = true
    restThisTurn(this)
    return false
  }

  #endTunnel(): void {
    this.#endExchange()
    this.#shut()
  }

  #endExchange(): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    if (exchange !== undefined) exchange.isOpen = false
    this.#credit.giveAllBack()
  }

  #breakOff(code: number): void {
    const exchange = this.#exchange
    this.#endExchange()
    exchange?.handler?.onReset(code)
  }

  /** Answers by ourselves, if nothing has been answered yet, and ends the connection. */
  #refuse(refusal: Refusal, code: number): void {
    const hasAnswer = this.#exchange?.hasAnswer === true
    this.#state = 'lingering'
    this.#options.onRefused?.(refusal)
    this.#breakOff(code)
    if (hasAnswer) this.destroy()
    else {
      this.output.text(refusalAnswer(refusal))
      this.#shut()
    }
  }

  /**
   * Ends our side behind what was sent, and waits for the client to end its own: closing at once would make TCP throw away what
   * it has not read yet (RFC 9112 §9.6).
   */
  #shut(): void {
    if (this.#state === 'closed') return
    this.#state = 'lingering'
    this.#breakOff(http2Error.cancel)
    this.output.end()
    if (this.#peerEnded && this.output.bytesBuffered === 0) {
      this.destroy()
      return
    }
    if (!this.#isShut) this.#deadline.set(this.#limits.lingerTimeoutMs)
    this.#isShut = true
    this.#held.drop()
    this.#credit.release()
  }

  #linger(bytes: number): void {
    this.#lingeredBytes += bytes
    if (this.#lingeredBytes > this.#limits.maxLingerBytes) this.destroy()
  }

  #onDeadline(): void {
    switch (this.#state) {
      case 'head':
        if (this.#reader.isPartial) this.#refuse(refusals.headTimeout, http2Error.cancel)
        else this.#shut()
        return
      case 'body':
        this.#onBodyDeadline()
        return
      case 'lingering':
        this.destroy()
        return
      case 'waiting':
      case 'tunnel':
      case 'closed':
    }
  }

  /** A body has to come at a rate; time in which it is us who read nothing does not count. */
  #onBodyDeadline(): void {
    const { minBodyBytes, bodyTimeoutMs } = this.#limits
    if (!this.#credit.isPaused && this.#bodyBytes - this.#bodyBytesBefore < minBodyBytes) {
      this.#refuse(refusals.bodyTimeout, http2Error.cancel)
      return
    }
    this.#bodyBytesBefore = this.#bodyBytes
    this.#deadline.set(bodyTimeoutMs)
  }
}
