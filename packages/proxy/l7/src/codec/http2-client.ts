import { Fields } from '@tulle/http1'
import type { ClientExchange, ClientHandler, RequestFate, RequestHead } from '@tulle/http1'
import { http2Error } from '@tulle/http2'
import type { HeaderList, Http2Session, StreamHandler } from '@tulle/http2'
import { readResponseHead, writeRequestHead } from './http2-heads.ts'
import { Http2Outgoing } from './http2-outgoing.ts'

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

/** Sends a request on a session; undefined where it takes none any more. */
export function requestOverHttp2(
  session: Http2Session,
  request: Http2Request,
  handler: ClientHandler,
): ClientExchange | undefined {
  const exchange = new Http2ClientExchange(session, handler, request)
  const stream = session.open(writeRequestHead(request.head), exchange, request.end)
  if (stream === undefined) return undefined
  exchange.stream = stream
  return exchange
}

class Http2ClientExchange extends Http2Outgoing implements ClientExchange, StreamHandler {
  readonly isTunnel: boolean
  readonly #session: Http2Session
  readonly #handler: ClientHandler
  readonly #history: Http2ClientHistory
  readonly #usedBefore: boolean
  #answered: boolean = false
  #trailers: Fields | undefined

  constructor(session: Http2Session, handler: ClientHandler, { head, history }: Http2Request) {
    super()
    this.#session = session
    this.#handler = handler
    this.#history = history
    this.#usedBefore = history.hasAnswered
    this.isTunnel = head.protocol !== undefined
  }

  onHeaders(headers: HeaderList, endStream: boolean): void {
    if (this.#answered) {
      this.#trailers = Fields.of(headers)
      return
    }
    const head = readResponseHead(headers)
    if (head.status < 200) {
      this.#handler.onInform(head)
      return
    }
    this.#answered = true
    this.#history.hasAnswered = true
    // A tunnel that was opened is told as HTTP/1.1 tells it (RFC 8441 §5).
    if (this.isTunnel && head.status < 300) head.status = 101
    this.#handler.onResponse(head, endStream)
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

  /** REFUSED_STREAM, and streams above a GOAWAY, were not looked at (RFC 9113 §8.7). */
  #fate(code: number): RequestFate {
    if (code === http2Error.refusedStream) return 'unsent'
    if (this.#answered) return 'answered'
    // The engine tells the end of a whole session so; a stream that was reset alone was looked at.
    const lost = code === http2Error.cancel && !this.#session.usable
    return lost && this.#usedBefore ? 'reused' : 'unanswered'
  }
}
