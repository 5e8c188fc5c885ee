import { defaultLimits as http1Limits, Fields, refusals } from '@tulle/http1'
import type { Refusal, RequestHead, ResponseHead, ServerExchange, ServerHandler } from '@tulle/http1'
import { createHttp2Session, http2Error } from '@tulle/http2'
import type { HeaderList, Http2Session, Http2SessionOptions, Http2Stream, StreamHandler } from '@tulle/http2'
import type { L7Environment } from '../environment.ts'
import { readRequestHead, writeResponseHead } from './http2-heads.ts'
import { Http2Outgoing } from './http2-outgoing.ts'
import type { Timeout } from '../timeouts.ts'

/** Between proxies long frames pay; those of a client would only hold up its other streams. */
const requestSettings = { enableConnectProtocol: true, maxFrameBytes: 16_384 }

export interface Http2ServerOptions extends Pick<
  Http2SessionOptions,
  'transport' | 'settings' | 'limits' | 'clock' | 'keepalive' | 'windowBudget' | 'onClose'
> {
  readonly scheme: 'http' | 'https'
  onRequest(head: RequestHead, exchange: ServerExchange, end: boolean): ServerHandler
  /** A request was refused here, and answered so. */
  onRefused?(refusal: Refusal): void
  /** How long a stream is waited for whose answer finds no window, or whose request goes on behind it; absent: for ever. */
  readonly patience?: Pick<L7Environment, 'limits' | 'timeouts'>
}

/** The server's side of an HTTP/2 connection behind the same seam as that of HTTP/1. */
export function createHttp2Server(options: Http2ServerOptions): Http2Session {
  const { scheme, onRequest, onRefused, settings, limits, patience, ...same } = options
  return createHttp2Session({
    ...same,
    role: 'server',
    settings: { ...requestSettings, ...settings },
    limits: {
      // As a head of HTTP/1.1: behind this session are no others' tunnels.
      frameTimeoutMs: http1Limits.headTimeoutMs,
      stallTimeoutMs: patience?.limits.requestIdleMs ?? 0,
      ...limits,
    },
    onStream: (stream, headers, end) => {
      const head = readRequestHead(headers, scheme)
      if (head === undefined) {
        onRefused?.(refusals.hostDiffers)
        return refuse(stream, end ? undefined : patience)
      }
      const exchange = new Http2ServerExchange(stream, head, end ? undefined : patience)
      exchange.handler = onRequest(head, exchange, end)
      return exchange
    },
  })
}

type Patience = Http2ServerOptions['patience']

/** Which host is meant is in doubt: 400 for whoever can read it (RFC 9113 §8.3.1 lets servers answer malformed requests). */
function refuse(stream: Http2Stream, patience: Patience): StreamHandler {
  stream.sendHeaders([':status', '400', 'content-length', '0'], true)
  // Of a stream that has ended, this is nothing.
  patience?.timeouts.begin(patience.limits.discardTimeoutMs, () => stream.reset(http2Error.noError))
  return {
    onHeaders: () => undefined,
    onData: (_bytes, start, end) => {
      stream.consumed(end - start)
      return false
    },
    onEnd: () => undefined,
    onReset: () => undefined,
    onWritable: () => undefined,
  }
}

class Http2ServerExchange extends Http2Outgoing implements ServerExchange, StreamHandler {
  handler: ServerHandler | undefined
  readonly #stream: Http2Stream
  readonly #switches: boolean
  #trailers: Fields | undefined
  /** Until the request has ended; never for a tunnel, whose halves end each by itself. */
  #patience: Patience
  #discard: Timeout | undefined

  constructor(stream: Http2Stream, head: RequestHead, patience: Patience) {
    super()
    this.stream = stream
    this.#stream = stream
    this.#switches = head.protocol !== undefined
    this.#patience = patience
  }

  respond({ status, fields }: ResponseHead, end: boolean): void {
    if (this.#switches && status === 101) {
      this.#patience = undefined
      this.#stream.sendHeaders(writeResponseHead(200, fields), false)
    } else {
      // RFC 8441 §5: to an extended CONNECT any 2xx would open the tunnel that was refused.
      const refused = this.#switches && status >= 200 && status < 300
      this.#stream.sendHeaders(writeResponseHead(refused ? 502 : status, fields), end)
    }
    if (!end) return
    this.forget()
    this.onSent()
  }

  /** RFC 9113 §8.1: behind an answer, nobody needs the rest of the request. A client that keeps it back would keep the stream. */
  protected override onSent(): void {
    const patience = this.#patience
    if (patience === undefined || this.#discard !== undefined) return
    this.#discard = patience.timeouts.begin(patience.limits.discardTimeoutMs, () => {
      this.reset(http2Error.noError)
      this.handler?.onReset(http2Error.noError)
    })
  }

  inform({ status, fields }: ResponseHead): void {
    this.#stream.sendHeaders(writeResponseHead(status, fields), false)
  }

  onHeaders(headers: HeaderList): void {
    this.#trailers = Fields.of(headers)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    return this.handler?.onData(bytes, start, end) ?? false
  }

  onEnd(): void {
    this.#onRequestOver()
    this.handler?.onEnd(this.#trailers)
  }

  onReset(code: number): void {
    this.#onRequestOver()
    this.forget()
    this.handler?.onReset(code)
  }

  onWritable(): void {
    if (this.flush()) this.handler?.onWritable()
  }

  override reset(code: number): void {
    this.#onRequestOver()
    super.reset(code)
  }

  #onRequestOver(): void {
    if (this.#discard !== undefined) this.#patience?.timeouts.end(this.#discard)
    this.#patience = undefined
  }
}
