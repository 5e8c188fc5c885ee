import { defaultLimits, Fields } from '@tulle/http1'
import type { ClientExchange, ClientHandler, RequestFate, RequestHead, ResponseHead } from '@tulle/http1'
import { http2Error } from '@tulle/http2'
import type { HeaderList, Http2Session, StreamHandler } from '@tulle/http2'
import { readResponseHead, writeRequestHead } from './http2-heads.ts'
import { Http2Outgoing } from './http2-outgoing.ts'
import { acceptOf, webSocketAccept, webSocketKey } from './websocket-key.ts'

/** What a client's session has seen, for the fate of its requests. */
export interface Http2ClientHistory {
  /** An answer came on it. */
  hasAnswered: boolean
}

export interface Http2Request {
  readonly head: RequestHead
  readonly end: boolean
  readonly history: Http2ClientHistory
}

/** A request on a session. It is sent by `open`; until then its payload is held. */
export class Http2ClientExchange extends Http2Outgoing implements ClientExchange, StreamHandler {
  readonly isTunnel: boolean
  readonly #request: Http2Request
  /** Of a client of HTTP/1.1 that opens a WebSocket. */
  readonly #key: string | undefined
  readonly #session: Http2Session
  readonly #handler: ClientHandler
  readonly #history: Http2ClientHistory
  readonly #usedBefore: boolean
  #answered: boolean = false
  #informational: number = 0
  #over: boolean = false
  #trailers: Fields | undefined

  constructor(session: Http2Session, handler: ClientHandler, request: Http2Request) {
    super()
    const { head, history } = request
    this.#request = request
    this.#session = session
    this.#handler = handler
    this.#history = history
    this.#usedBefore = history.hasAnswered
    this.isTunnel = head.protocol !== undefined
    this.#key = head.protocol === 'websocket' ? head.fields.get(webSocketKey) : undefined
  }

  /** False: the session takes none any more. */
  open(): boolean {
    const { head, end } = this.#request
    const stream = this.#session.open(writeRequestHead(this.#withoutKey(head)), this, end)
    if (stream === undefined) return false
    this.stream = stream
    if (this.isTunnel) this.onWritable()
    return true
  }

  /** It was given up before it was sent. */
  get isOver(): boolean {
    return this.#over
  }

  /** It will not be sent. */
  refuse(code: number): void {
    if (this.#over) return
    this.#over = true
    this.forget()
    this.#handler.onReset(code, 'unsent')
  }

  override reset(code: number): void {
    this.#over = true
    super.reset(code)
  }

  onHeaders(headers: HeaderList, endStream: boolean): void {
    if (this.#answered) {
      this.#trailers = Fields.of(headers)
      return
    }
    const head = readResponseHead(headers)
    // RFC 9113 §8.6: HTTP/2 has no 101.
    if (head.status === 101) this.#giveUp(http2Error.protocolError)
    else if (head.status < 200) this.#inform(head)
    else this.#answer(head, endStream)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    return this.#handler.onData(bytes, start, end)
  }

  onEnd(): void {
    this.#handler.onEnd(this.#trailers)
  }

  onReset(code: number): void {
    this.forget()
    this.#handler.onReset(code, this.#fate(code))
  }

  onWritable(): void {
    if (this.flush()) this.#handler.onWritable()
  }

  /** As many as over HTTP/1.1: no window holds them back. */
  #inform(head: ResponseHead): void {
    this.#informational++
    if (this.#informational > defaultLimits.maxInformational) this.#giveUp(http2Error.enhanceYourCalm)
    else this.#handler.onInform(head)
  }

  #giveUp(code: number): void {
    super.reset(code)
    this.onReset(code)
  }

  #answer(head: ResponseHead, endStream: boolean): void {
    this.#answered = true
    this.#history.hasAnswered = true
    // A tunnel that was opened is told as HTTP/1.1 tells it (RFC 8441 §5).
    if (this.isTunnel && head.status < 300) this.#becomeTunnel(head)
    this.#handler.onResponse(head, endStream)
  }

  #becomeTunnel(head: ResponseHead): void {
    head.status = 101
    head.fields.remove('content-length')
    head.fields.remove(webSocketAccept)
    if (this.#key !== undefined && this.#request.head.version !== '2')
      head.fields.set(webSocketAccept, acceptOf(this.#key))
  }

  /** Keys are of HTTP/1.1 alone (RFC 8441 §5.1). */
  #withoutKey(head: RequestHead): RequestHead {
    if (this.#key === undefined) return head
    const fields = head.fields.copy()
    fields.remove(webSocketKey)
    return { ...head, fields }
  }

  /** REFUSED_STREAM, and streams above a GOAWAY, were not looked at (RFC 9113 §8.7). */
  #fate(code: number): RequestFate {
    if (code === http2Error.refusedStream) return 'unsent'
    if (this.#answered) return 'answered'
    // The engine tells the end of a whole session so; a stream that was reset alone was looked at.
    const lost = code === http2Error.cancel && !this.#session.usable
    return lost && this.#usedBefore ? 'reused' : 'unanswered'
  }
}
