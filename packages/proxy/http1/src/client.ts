import type { Clock } from '@tulle/core'
import { http2Error } from '@tulle/http2'

import { BodyReader, found } from './body-reader.ts'
import { BodyWriter, framing } from './body-writer.ts'
import { ClientRequest } from './client-exchange.ts'
import type { RequestOwner } from './client-exchange.ts'
import { Deadline } from './deadline.ts'
import type {
  ClientExchange,
  ClientHandler,
  Http1Connection,
  Http1Transport,
  RequestFate,
  RequestHead,
} from './exchange.ts'
import { refused } from './head-reader.ts'
import { defaultLimits } from './limits.ts'
import type { Http1Limits } from './limits.ts'
import { Output } from './output.ts'
import { ReadCredit } from './read-credit.ts'
import { planRequest } from './request-plan.ts'
import { ResponseReader } from './response-reader.ts'
import { writeHead } from './write-head.ts'

export interface Http1ClientOptions {
  readonly transport: Http1Transport
  readonly clock: Clock
  readonly limits?: Partial<Http1Limits>
  /** An answer is complete, and the connection takes the next request. Before the handler hears `onEnd`. */
  onIdle?(client: Http1Client): void
  /** Once, when the connection is over, or will take no further request. After the handler's last call. */
  onClose?(client: Http1Client): void
}

export interface Http1Client extends Http1Connection {
  /** Whether `request` may be called: one request at a time (no pipelining: servers' answers to it can't be told apart safely). */
  readonly isIdle: boolean
  /** Requests that were sent. */
  readonly requests: number
  /**
   * Sends a request. `end`: it has no payload; false for a CONNECT or an upgrade. One that can't be sent is broken off as `unsent`,
   * in a microtask: code `protocolError` says that it is the request's own fault, `refusedStream` that the connection is in use or over.
   */
  request(head: RequestHead, handler: ClientHandler, end: boolean): ClientExchange
}

/** The client's side of an HTTP/1.1 connection. */
export function createHttp1Client(options: Http1ClientOptions): Http1Client {
  return new ClientConnection(options)
}

type State = 'idle' | 'head' | 'body' | 'tunnel' | 'closed'

class ClientConnection implements Http1Client, RequestOwner {
  readonly output: Output
  readonly writer: BodyWriter
  requests = 0
  readonly #options: Http1ClientOptions
  readonly #limits: Http1Limits
  readonly #reader: ResponseReader
  readonly #body: BodyReader
  readonly #credit: ReadCredit
  readonly #stall: Deadline
  #state: State = 'idle'
  #exchange: ClientRequest | undefined
  #isDraining = false
  #handedOverBefore = 0
  #informational = 0
  #hasAnswerBytes = false
  #peerEnded = false
  #isSelfEnded = false

  constructor(options: Http1ClientOptions) {
    const { transport, clock } = options
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#reader = new ResponseReader(this.#limits)
    this.#body = new BodyReader(this.#limits)
    this.#credit = new ReadCredit(transport, this.#limits.maxUnconsumedBytes)
    this.#stall = new Deadline(clock, () => this.destroy())
    this.output = new Output(transport, this.#stall, this.#limits.stallTimeoutMs)
    this.writer = new BodyWriter(this.output)
  }

  get isIdle(): boolean {
    return this.#state === 'idle' && !this.#isDraining
  }

  request(head: RequestHead, handler: ClientHandler, end: boolean): ClientExchange {
    const exchange = new ClientRequest(this, handler, head)
    const plan = this.isIdle ? planRequest(head, end) : undefined
    if (plan === undefined) {
      const code = this.isIdle ? http2Error.protocolError : http2Error.refusedStream
      // The connection is another's by then, perhaps: nothing of this one may reach it.
      exchange.isSent = true
      queueMicrotask(() => exchange.breakOff(code, 'unsent'))
      return exchange
    }
    this.requests++
    this.#exchange = exchange
    this.#state = 'head'
    this.#handedOverBefore = this.output.bytesHandedOver
    this.#informational = 0
    this.#hasAnswerBytes = false
    writeHead(this.output, plan, head.fields)
    this.writer.begin(end ? framing.none : plan.framing, plan.length)
    exchange.isSent = end
    return exchange
  }

  receive(bytes: Buffer, start: number, end: number): boolean {
    let at = start
    let isKept = false
    while (at < end) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(bytes, at, end)
          break
        case 'body': {
          const what = this.#body.step(bytes, at, end)
          at = this.#body.to
          isKept = this.#onStep(what, bytes, at === end) || isKept
          break
        }
        case 'tunnel':
          isKept = this.#onData(bytes, at, end) || isKept
          at = end
          break
        case 'idle':
          // Nobody asked: an answer to no request must never become that of the next one.
          this.destroy()
          return isKept
        case 'closed':
          return isKept
      }
    }
    return isKept
  }

  onTransportDrain(): void {
    this.output.unblock()
    this.#exchange?.handler.onWritable()
  }

  onTransportEnd(): void {
    if (this.#peerEnded) return
    this.#peerEnded = true
    if (this.#state === 'tunnel') {
      this.#exchange?.handler.onEnd()
      if (this.#isSelfEnded) this.#endTunnel()
    } else if (this.#state === 'body' && this.#body.endsWithConnection) this.#finish(false)
    else this.destroy()
  }

  onTransportClose(): void {
    this.destroy()
  }

  drain(): void {
    this.#isDraining = true
    if (this.#state === 'idle') this.#close()
  }

  destroy(): void {
    if (this.#state === 'closed') return
    const fate = this.#fate()
    this.#breakOff(http2Error.cancel, fate)
  }

  onBroken(): void {
    this.#breakOff(http2Error.internalError, this.#fate())
  }

  onGivenUp(exchange: ClientRequest): void {
    if (exchange !== this.#exchange) return
    this.#exchange = undefined
    this.#close()
  }

  onSent(): void {
    if (this.#state !== 'tunnel') return
    this.#isSelfEnded = true
    this.output.end()
    if (this.#peerEnded) this.#endTunnel()
  }

  onConsumed(bytes: number): void {
    this.#credit.giveBack(bytes)
  }

  #readHead(bytes: Buffer, at: number, end: number): number {
    this.#hasAnswerBytes = true
    const next = this.#reader.read(bytes, at, end)
    if (next >= 0) {
      this.#onHead(next === end)
      return next
    }
    if (next === refused) this.#breakOff(http2Error.protocolError, 'unanswered')
    return end
  }

  #onHead(isLast: boolean): void {
    const exchange = this.#exchange
    const reader = this.#reader
    if (exchange === undefined) return
    if (reader.status < 200 && reader.status !== 101) {
      this.#informational++
      if (this.#informational > this.#limits.maxInformational)
        this.#breakOff(http2Error.enhanceYourCalm, 'unanswered')
      else exchange.handler.onInform(reader.takeHead())
      return
    }
    if (reader.status === 101 && !exchange.mayBecome(reader.protocol)) {
      this.#breakOff(http2Error.protocolError, 'unanswered')
      return
    }
    exchange.hasAnswer = true
    if (reader.status === 101 || exchange.isConnected(reader.status)) this.#onTunnel(exchange)
    else this.#onAnswer(exchange, isLast)
  }

  #onTunnel(exchange: ClientRequest): void {
    this.#state = 'tunnel'
    exchange.isTunnel = true
    this.writer.begin(framing.raw)
    const head = this.#reader.takeHead()
    head.fields.remove('content-length')
    exchange.handler.onResponse(head, false)
  }

  #onAnswer(exchange: ClientRequest, isLast: boolean): void {
    const { status, isChunked, contentLength } = this.#reader
    const end =
      exchange.method === 'HEAD' || status === 204 || status === 304 || (contentLength === 0 && !isChunked)
    this.#state = 'body'
    if (end) this.#body.byLength(0)
    else if (isChunked) this.#body.byChunks()
    else if (contentLength > 0) this.#body.byLength(contentLength)
    else this.#body.byClose()
    exchange.handler.onResponse(this.#reader.takeHead(), end)
    if (end && exchange.isOpen) this.#finish(isLast)
  }

  #onStep(what: number, bytes: Buffer, isLast: boolean): boolean {
    const body = this.#body
    if (what === found.data) {
      const isKept = this.#onData(bytes, body.from, body.to)
      if (body.isOver && this.#state === 'body') this.#finish(isLast)
      return isKept
    }
    if (what === found.end) this.#finish(isLast)
    else if (what === found.refused) this.#breakOff(http2Error.protocolError, 'answered')
    return false
  }

  #onData(bytes: Buffer, start: number, end: number): boolean {
    const exchange = this.#exchange
    if (exchange === undefined) return false
    this.#credit.spend(end - start)
    return exchange.handler.onData(bytes, start, end)
  }

  /** The answer is complete; `isLast`: nothing was read behind it. */
  #finish(isLast: boolean): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    const trailers = this.#body.takeTrailers()
    const isReusable = isLast && exchange.isSent && this.#mayGoOn()
    this.#endExchange()
    if (isReusable) {
      this.#state = 'idle'
      this.#options.onIdle?.(this)
      exchange.handler.onEnd(trailers)
    } else {
      exchange.handler.onEnd(trailers)
      this.#close()
    }
  }

  /** Whether another request may follow (RFC 9112 §9.3). */
  #mayGoOn(): boolean {
    const { wantsClose, isHttp10 } = this.#reader
    return !wantsClose && !isHttp10 && !this.#isDraining && !this.#peerEnded && !this.#body.endsWithConnection
  }

  #endTunnel(): void {
    this.#endExchange()
    this.#close()
  }

  #endExchange(): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    if (exchange !== undefined) exchange.isOpen = false
    this.#credit.giveAllBack()
  }

  #breakOff(code: number, fate: RequestFate): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    const wasClosed = this.#state === 'closed'
    this.#state = 'closed'
    exchange?.breakOff(code, fate)
    if (!wasClosed) this.#ended()
  }

  #close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#ended()
  }

  #ended(): void {
    this.#stall.close()
    this.output.destroy()
    this.#options.onClose?.(this)
  }

  #fate(): RequestFate {
    if (this.#exchange?.hasAnswer === true) return 'answered'
    if (this.output.bytesHandedOver === this.#handedOverBefore) return 'unsent'
    return this.requests > 1 && !this.#hasAnswerBytes ? 'reused' : 'unanswered'
  }
}
