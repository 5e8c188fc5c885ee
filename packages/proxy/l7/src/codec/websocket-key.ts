import { createHash, randomBytes } from 'node:crypto'
import type { ClientExchange, ClientHandler, Fields, Http1Client, RequestFate } from '@tulle/http1'
import type { RequestHead, ResponseHead } from '@tulle/http1'
import { http2Error } from '@tulle/http2'

export const webSocketKey = 'sec-websocket-key'
export const webSocketAccept = 'sec-websocket-accept'

/** RFC 6455 §4.2.2, 5.4. */
const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** What a server of HTTP/1.1 answers to a key, so that it is known to have understood. */
export function acceptOf(key: string): string {
  return createHash('sha1').update(key).update(webSocketGuid).digest('base64')
}

/** Whether the client came by HTTP/2, which knows no keys (RFC 8441 §5.1), and so its request has none for HTTP/1.1. */
export function lacksKey({ protocol, version }: RequestHead): boolean {
  return protocol === 'websocket' && version === '2'
}

/** The handshake of HTTP/1.1 in place of a client of HTTP/2: with a key of ours, whose answer is verified here. */
export function requestWithKey(
  client: Http1Client,
  head: RequestHead,
  handler: ClientHandler,
  end: boolean,
): ClientExchange {
  const key = randomBytes(16).toString('base64')
  const fields = head.fields.copy()
  fields.set(webSocketKey, key)
  const handshake = new KeyedHandshake(handler, acceptOf(key))
  const exchange = client.request({ ...head, fields }, handshake, end)
  handshake.exchange = exchange
  return exchange
}

class KeyedHandshake implements ClientHandler {
  exchange: ClientExchange | undefined
  readonly #handler: ClientHandler
  readonly #accept: string

  constructor(handler: ClientHandler, accept: string) {
    this.#handler = handler
    this.#accept = accept
  }

  onInform(head: ResponseHead): void {
    this.#handler.onInform(head)
  }

  onResponse(head: ResponseHead, end: boolean): void {
    const { status, fields } = head
    if (status === 101 && fields.get(webSocketAccept) !== this.#accept) {
      this.exchange?.reset(http2Error.protocolError)
      this.#handler.onReset(http2Error.protocolError, 'answered')
      return
    }
    fields.remove(webSocketAccept)
    this.#handler.onResponse(head, end)
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    return this.#handler.onData(bytes, start, end)
  }

  onEnd(trailers?: Fields): void {
    this.#handler.onEnd(trailers)
  }

  onReset(code: number, fate: RequestFate): void {
    this.#handler.onReset(code, fate)
  }

  onWritable(): void {
    this.#handler.onWritable()
  }
}
