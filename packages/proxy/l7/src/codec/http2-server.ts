import { defaultLimits as http1Limits, Fields, refusals } from '@tulle/http1'
import type { Refusal, RequestHead, ResponseHead, ServerExchange, ServerHandler } from '@tulle/http1'
import { createHttp2Session } from '@tulle/http2'
import type { HeaderList, Http2Session, Http2SessionOptions, Http2Stream, StreamHandler } from '@tulle/http2'
import { readRequestHead, writeResponseHead } from './http2-heads.ts'
import { Http2Outgoing } from './http2-outgoing.ts'

/** Between proxies long frames pay; those of a client would only hold up its other streams. */
const requestSettings = { enableConnectProtocol: true, maxFrameBytes: 16_384 }

/** A head has as long as one of HTTP/1.1: behind this session are no others' tunnels. */
const requestLimits = { frameTimeoutMs: http1Limits.headTimeoutMs }

export interface Http2ServerOptions extends Pick<
  Http2SessionOptions,
  'transport' | 'settings' | 'limits' | 'clock' | 'keepalive' | 'windowBudget' | 'onClose'
> {
  readonly scheme: 'http' | 'https'
  onRequest(head: RequestHead, exchange: ServerExchange, end: boolean): ServerHandler
  /** A request was refused here, and answered so. */
  onRefused?(refusal: Refusal): void
}

/** The server's side of an HTTP/2 connection behind the same seam as that of HTTP/1. */
export function createHttp2Server(options: Http2ServerOptions): Http2Session {
  const { scheme, onRequest, onRefused, settings, limits, ...same } = options
  return createHttp2Session({
    ...same,
    role: 'server',
    settings: { ...requestSettings, ...settings },
    limits: { ...requestLimits, ...limits },
    onStream: (stream, headers, end) => {
      const head = readRequestHead(headers, scheme)
      if (head === undefined) {
        onRefused?.(refusals.hostDiffers)
        return refuse(stream)
      }
      const exchange = new Http2ServerExchange(stream, head)
      exchange.handler = onRequest(head, exchange, end)
      return exchange
    },
  })
}

/** Which host is meant is in doubt: 400 for whoever can read it (RFC 9113 §8.3.1 lets servers answer malformed requests). */
function refuse(stream: Http2Stream): StreamHandler {
  stream.sendHeaders([':status', '400', 'content-length', '0'], true)
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

  constructor(stream: Http2Stream, head: RequestHead) {
    super()
    this.stream = stream
    this.#stream = stream
    this.#switches = head.protocol !== undefined
  }

  respond({ status, fields }: ResponseHead, end: boolean): void {
    if (this.#switches && status === 101) this.#stream.sendHeaders(writeResponseHead(200, fields), false)
    else {
      // RFC 8441 §5: to an extended CONNECT any 2xx would open the tunnel that was refused.
      const refused = this.#switches && status >= 200 && status < 300
      this.#stream.sendHeaders(writeResponseHead(refused ? 502 : status, fields), end)
    }
    if (end) this.forget()
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
    this.handler?.onEnd(this.#trailers)
  }

  onReset(code: number): void {
    this.forget()
    this.handler?.onReset(code)
  }

  onWritable(): void {
    if (this.flush()) this.handler?.onWritable()
  }
}
