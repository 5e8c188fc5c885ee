/** Requests that come by HTTP/2 and leave by HTTP/1.1: what is sent on is read beside by our server and by Node's parser. */
import { flushNow, TestClock } from '@tulle/core'
import type { Rng } from '@tulle/core'
import { createHttp1Client, createHttp1Server, Fields } from '@tulle/http1'
import type { ClientExchange, Http1Transport, RequestHead, ServerExchange, ServerHandler } from '@tulle/http1'
import type { Transport } from '@tulle/http2'
import { createHttp2Server } from '@tulle/l7'
import { below, pick } from '../mutate.ts'
import { givePieces } from '../pieces.ts'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'
import { nodeRequests } from './http1-node.ts'
import type { Reading } from './http1-node.ts'

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const frameType = { data: 0, headers: 1, settings: 4 } as const
const flag = { endStream: 1, endHeaders: 4 } as const

const text = (value: string): Buffer => Buffer.from(value, 'latin1')

function frame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

/** A literal field without indexing and without Huffman codes: what is damaged in it is damaged in the field (RFC 7541 §6.2.2). */
function field(name: string, value: string): Buffer {
  const [n, v] = [text(name), text(value)]
  return Buffer.concat([Buffer.of(0, n.length), n, Buffer.of(v.length), v])
}

const methods = ['GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE', 'get', 'G ET', 'PRI']
const paths = ['/', '/a?b=c', '*', '/a b', '/\r\nX: y', '//a', '/%2e', 'http://a/b', '/\x7f', '']
const hosts = ['a', 'a:80', 'a@b', 'a b', 'a\r\nHost: b', '[::1]:80', 'a,b', '']
const fieldPool: readonly (readonly [string, string])[] = [
  ['content-length', '5'],
  ['content-length', '0'],
  ['content-length', '+5'],
  ['content-length', '5, 5'],
  ['content-length', '05'],
  ['transfer-encoding', 'chunked'],
  ['connection', 'close'],
  ['connection', 'keep-alive, content-length'],
  ['upgrade', 'h2c'],
  ['te', 'trailers'],
  ['trailer', 'x'],
  ['host', 'a'],
  ['host', 'b'],
  ['cookie', 'a=b'],
  ['cookie', 'c=d'],
  ['expect', '100-continue'],
  ['x', 'a\r\nb: c'],
  ['x', ' padded '],
  ['x', 'a\0b'],
  ['x', '\xe9'],
  ['x y', 'z'],
  ['x:', 'z'],
  ['X-Upper', 'z'],
  ['content-length\r\n', '5'],
  [':path', '/second'],
  [':protocol', 'websocket'],
]

function head(rng: Rng): Buffer {
  const often = <T>(list: readonly T[]): T =>
    rng.next() < 0.7 ? (list[0] ?? pick(rng, list)) : pick(rng, list)
  const fields = [
    field(':method', rng.next() < 0.5 ? 'POST' : often(methods)),
    field(':scheme', 'http'),
    field(':authority', often(hosts)),
    field(':path', often(paths)),
  ]
  for (let left = below(rng, 5); left > 0; left--) fields.push(field(...pick(rng, fieldPool)))
  return Buffer.concat(fields)
}

function conversation(rng: Rng): Buffer {
  const pieces: Buffer[] = [Buffer.of(below(rng, 256))]
  for (let id = 1; id < 2 + 2 * below(rng, 3); id += 2) {
    const bodies = below(rng, 4)
    const end = (last: boolean): number => (last && rng.next() < 0.9 ? flag.endStream : 0)
    pieces.push(frame(frameType.headers, flag.endHeaders | end(bodies === 0), id, head(rng)))
    for (let left = bodies; left > 0; left--) {
      const isTrailers = left === 1 && rng.next() < 0.2
      const body = isTrailers ? field(...pick(rng, fieldPool)) : text('hello'.slice(below(rng, 5)))
      pieces.push(
        frame(
          isTrailers ? frameType.headers : frameType.data,
          end(left === 1) | (isTrailers ? 4 : 0),
          id,
          body,
        ),
      )
    }
  }
  return Buffer.concat(pieces)
}

class Out implements Http1Transport {
  readonly #pieces: Buffer[] = []

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  write(bytes: Uint8Array, done: (() => void) | undefined): boolean {
    this.#pieces.push(Buffer.from(bytes))
    done?.()
    return true
  }

  end(): void {}
  destroy(): void {}
  pauseReading(): void {}
  resumeReading(): void {}
}

/** Where answers of a session go: nobody looks at them here. */
const nowhere: Transport = {
  write(_bytes, done) {
    done?.()
    return true
  },
  end() {},
  destroy() {},
}

/** A request as it was read from its stream, on its way into a connection of its own. */
class Forwarding implements ServerHandler {
  readonly head: RequestHead
  readonly out: Out = new Out()
  body: string = ''
  trailers: Fields | undefined
  isOver: boolean = false
  readonly #from: ServerExchange
  readonly #to: ClientExchange
  readonly #close: () => void

  constructor(requestHead: RequestHead, from: ServerExchange, end: boolean, clock: TestClock) {
    this.head = requestHead
    this.#from = from
    const client = createHttp1Client({ transport: this.out, clock })
    const handler = {
      onInform() {},
      onResponse() {},
      onData: () => false,
      onEnd() {},
      onReset() {},
      onWritable() {},
    }
    this.#to = client.request(requestHead, handler, end)
    this.#close = () => client.onTransportClose()
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    this.body += bytes.toString('latin1', start, end)
    this.#to.sendCopy(bytes, start, end)
    this.#from.consumed(end - start)
    return false
  }

  onEnd(trailers?: Fields): void {
    this.isOver = true
    this.trailers = trailers
    this.#to.endWithTrailers(trailers)
  }

  onReset(code: number): void {
    this.#to.reset(code)
  }

  onWritable(): void {}

  /** What has left; nothing follows. */
  sent(): Buffer {
    const { bytes } = this.out
    this.#close()
    return bytes
  }
}

/** Undefined: an expectation that we don't know; whoever it is sent on to may refuse it as we would (RFC 9110 §10.1.1). */
function ourReadings(bytes: Buffer): readonly Reading[] | undefined {
  let isExpectation = false
  const readings: Reading[] = []
  const clock = new TestClock()
  const server = createHttp1Server({
    transport: new Out(),
    clock,
    scheme: 'http',
    onRefused({ status }) {
      isExpectation = status === 417
    },
    onRequest(requestHead, exchange) {
      const reading: Reading = {
        begin: `${requestHead.method} ${requestHead.path}`,
        fields: [...requestHead.fields.list()],
        body: '',
        trailers: [],
        isOver: false,
      }
      readings.push(reading)
      return {
        onData(piece, start, end) {
          reading.body += piece.toString('latin1', start, end)
          exchange.consumed(end - start)
          return false
        },
        onEnd(trailers) {
          reading.isOver = true
          reading.trailers = [...(trailers?.list() ?? [])]
          exchange.respond({ status: 200, fields: Fields.of([]) }, true)
        },
        onReset() {},
        onWritable() {},
      }
    },
  })
  server.receive(bytes, 0, bytes.length)
  server.onTransportClose()
  return isExpectation ? undefined : readings.filter(({ isOver }) => isOver)
}

/** Without lengths: equal ones become one, one of nothing may be added, and what they say shows in the body. */
function others(fields: readonly string[]): string {
  const kept = fields.flatMap((name, at) =>
    at % 2 === 0 && name !== 'content-length' ? [name, fields[at + 1]] : [],
  )
  return JSON.stringify(kept)
}

/** One request that is whole is one request for everybody; one that is not whole is none. */
function check(request: Forwarding): void {
  const { head: sentHead } = request
  const sent = request.sent()
  if (sentHead.protocol !== undefined || sentHead.method === 'CONNECT') return
  // It may not be sent, or its stream broke off.
  if (sent.length === 0) return
  // All that was announced may be there before the stream ends.
  const isWhole = request.isOver || sentHead.fields.contentLength() === request.body.length
  const nodes = nodeRequests(sent)
  const readings = [
    { who: 'we', list: ourReadings(sent) },
    { who: 'Node', list: nodes.isKnown(sentHead.method + ' ') ? nodes.readings : undefined },
  ]
  for (const { who, list } of readings) {
    if (list === undefined) continue
    const said = (): string =>
      `${who} read ${JSON.stringify(list)} in ${JSON.stringify(sent.toString('latin1'))} of ${sentHead.method} ${sentHead.path} ${JSON.stringify(sentHead.fields.list())}`
    ensure(list.length === (isWhole ? 1 : 0), said)
    if (isWhole) ensure(list[0] !== undefined && isSame(list[0], request), said)
  }
}

function isSame(reading: Reading, { head: sentHead, body }: Forwarding): boolean {
  return (
    reading.begin === `${sentHead.method} ${sentHead.path}` &&
    reading.body === body &&
    others(reading.fields) === others(sentHead.fields.list())
  )
}

let leftovers = 0

function run(input: Uint8Array): string {
  const clock = new TestClock()
  const requests: Forwarding[] = []
  const session = createHttp2Server({
    transport: nowhere,
    clock,
    scheme: 'http',
    limits: { maxHeaderListBytes: 4096, maxHeaderBlockBytes: 4096 },
    onClose() {},
    onRequest(requestHead, exchange, end) {
      const request = new Forwarding(requestHead, exchange, end, clock)
      requests.push(request)
      return request
    },
  })
  const greeting = Buffer.concat([preface, frame(frameType.settings, 0, 0, Buffer.alloc(0))])
  session.receive(greeting, 0, greeting.length)
  const options = input[0] ?? 0
  const rest = input.subarray(1)
  const pieceBytes = (options & 1) === 0 ? rest.length : 1 + (options >> 2)
  givePieces(rest, pieceBytes, (bytes, length) => session.receive(bytes, 0, length))
  // Before the end: what has not left by then never does.
  flushNow()
  for (const request of requests) check(request)
  session.onTransportClose()
  leftovers = clock.pending
  const told = requests.map(({ head: { method, fields }, isOver, body }) =>
    [method.slice(0, 3), fields.size, isOver, Math.min(3, body.length)].join(' '),
  )
  return told.join()
}

const plain = [
  field(':method', 'POST'),
  field(':scheme', 'http'),
  field(':authority', 'a'),
  field(':path', '/'),
]
const hello = frame(frameType.data, flag.endStream, 1, text('hello'))

export const http2ToHttp1: FuzzTarget = {
  name: 'http2-to-http1',
  about:
    'a request of HTTP/2 that is sent on is one request of HTTP/1.1, for us and for Node, and a part of one is none',
  seeds: [
    Buffer.concat([Buffer.of(0), frame(frameType.headers, flag.endHeaders, 1, Buffer.concat(plain)), hello]),
    Buffer.concat([
      Buffer.of(1),
      frame(frameType.headers, flag.endHeaders, 1, Buffer.concat([...plain, field('content-length', '5')])),
      hello,
    ]),
    Buffer.concat([
      Buffer.of(2),
      frame(frameType.headers, flag.endHeaders | flag.endStream, 1, Buffer.concat(plain)),
    ]),
  ],
  words: fieldPool.map(([name, value]) => field(name, value)),
  maxBytes: 2000,
  make: conversation,
  run,
  leftovers: () => leftovers,
}
