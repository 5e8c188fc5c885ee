/** HTTP/1.1 connections, each side against a peer that says anything; and what they read beside what Node's parser reads. */
import { flushNow, TestClock } from '@tulle/core'
import type { Rng } from '@tulle/core'
import { createHttp1Client, createHttp1Server, Fields } from '@tulle/http1'
import type {
  ClientHandler,
  Http1Connection,
  Http1Transport,
  RequestHead,
  ServerExchange,
} from '@tulle/http1'
import { below, pick } from '../mutate.ts'
import { givePieces } from '../pieces.ts'
import { ensure } from '../target.ts'
import type { FuzzTarget } from '../target.ts'
import { nodeRequests, nodeResponse } from './http1-node.ts'
import type { Reading } from './http1-node.ts'

/** The first byte: how the handler behaves, and the size of the pieces. */
const option = { answersEarly: 1, consumes: 2, tunnels: 4, resets: 8, blocked: 16, drains: 32 } as const

const requestWords = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
  'GET http://a/y?z HTTP/1.1\r\nHost: a\r\n',
  'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HEAD / HTTP/1.0\r\nHost: a\r\n\r\n',
]
const answerWords = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HTTP/1.0 200 OK\r\n\r\n',
]
const commonWords = [
  '5\r\nhello\r\n',
  '0\r\n\r\n',
  '0\r\nX: y\r\n\r\n',
  '5;a=b\r\nhello\r\n',
  'fffffffff\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 05\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: Chunked\r\n',
  'Connection: close\r\n',
  'Connection: x, content-length\r\n',
  'Expect: 100-continue\r\n',
  'Host: b\r\n',
  'a: b\r\n',
  ' folded\r\n',
  'a : b\r\n',
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ': ',
]

class Out implements Http1Transport {
  text = ''
  isEnded = false
  readonly #isBlocked: boolean

  constructor(isBlocked: boolean) {
    this.#isBlocked = isBlocked
  }

  write(bytes: Uint8Array, done: (() => void) | undefined): boolean {
    ensure(!this.isEnded, () => 'bytes behind the end')
    this.text += Buffer.from(bytes).toString('latin1')
    done?.()
    return !this.#isBlocked
  }

  end(): void {
    this.isEnded = true
  }

  destroy(): void {
    this.isEnded = true
  }

  pauseReading(): void {}
  resumeReading(): void {}
}

let leftovers = 0

/** What one run told its handlers. */
interface Told {
  readonly events: string[]
  readonly readings: Reading[]
  readonly heads: RequestHead[]
}

function readingOf(begin: string, fields: Fields): Reading {
  return { begin, fields: [...fields.list()], body: '', trailers: [], isOver: false }
}

function feed(connection: Http1Connection, input: Uint8Array, pieceBytes: number): void {
  givePieces(input, pieceBytes, (bytes, length) => connection.receive(bytes, 0, length))
}

function runServer(options: number, input: Uint8Array, pieceBytes: number): Told {
  const clock = new TestClock()
  const told: Told = { events: [], readings: [], heads: [] }
  let closed = 0
  const server = createHttp1Server({
    transport: new Out((options & option.blocked) !== 0),
    clock,
    scheme: 'http',
    limits: {
      maxHeaderBytes: 1024,
      maxStartLineBytes: 256,
      maxPipelinedBytes: 100_000,
      maxRequestsPerTurn: 1000,
    },
    onRequest: (head, exchange, end) => watchRequest(options, told, { head, exchange, end }),
    onRefused: ({ status }) => told.events.push(String(status)),
    onClose: () => closed++,
  })
  feed(server, input, pieceBytes)
  // The next one has a turn of its own.
  flushNow()
  if ((options & option.drains) !== 0) server.drain()
  server.onTransportEnd()
  server.onTransportClose()
  ensure(closed === 1, () => `told ${closed} times that it is over`)
  leftovers += clock.pending
  return told
}

function watchRequest(
  options: number,
  told: Told,
  { head, exchange, end }: { head: RequestHead; exchange: ServerExchange; end: boolean },
): ReturnType<Parameters<typeof createHttp1Server>[0]['onRequest']> {
  const reading = readingOf(`${head.method} ${head.path}`, head.fields)
  told.readings.push(reading)
  told.heads.push(head)
  let state = ''
  const tell = (what: string): void => {
    ensure(!state.includes('r'), () => `${what} after reset`)
    ensure(!state.includes('e') || what === 'r', () => `${what} after the end`)
    if (state.at(-1) !== what) state += what
  }
  const respond = (): void => {
    const isTunnel = head.protocol !== undefined || head.method === 'CONNECT'
    if (isTunnel && (options & option.tunnels) === 0)
      exchange.respond({ status: 403, fields: Fields.of([]) }, true)
    else if (head.protocol !== undefined) exchange.respond({ status: 101, fields: Fields.of([]) }, false)
    else exchange.respond({ status: 200, fields: Fields.of([]) }, head.method !== 'CONNECT')
  }
  if ((options & option.answersEarly) !== 0) respond()
  else if (!end && (head.protocol !== undefined || head.method === 'CONNECT')) respond()
  return {
    onData(bytes, start, stop) {
      tell('d')
      ensure(start >= 0 && stop > start && stop <= bytes.length, () => `data from ${start} to ${stop}`)
      reading.body += bytes.toString('latin1', start, stop)
      if ((options & option.consumes) !== 0) exchange.consumed(stop - start)
      if ((options & option.resets) !== 0 && reading.body.length > 3) exchange.reset(8)
      return false
    },
    onEnd(trailers) {
      tell('e')
      reading.isOver = true
      reading.trailers = [...(trailers?.list() ?? [])]
      respond()
    },
    onReset: () => tell('r'),
    onWritable: () => ensure(!state.includes('r'), () => 'a reset exchange was told to write'),
  }
}

/** What a request becomes when it is passed on. */
function forwarded(head: RequestHead): string {
  const out = new Out(false)
  const client = createHttp1Client({ transport: out, clock: new TestClock() })
  const handler = {
    onInform() {},
    onResponse() {},
    onData: () => false,
    onEnd() {},
    onReset() {},
    onWritable() {},
  }
  client.request(head, handler, false).endWithTrailers()
  flushNow()
  client.onTransportClose()
  return out.text
}

function serverOutcome(input: Uint8Array): string {
  leftovers = 0
  const options = input[0] ?? 0
  const bytes = input.subarray(1)
  const whole = runServer(options, bytes, bytes.length)
  const split = runServer(options, bytes, 1 + (options >> 6) + (bytes.length % 7))
  if ((options & (option.resets | option.blocked)) === 0) {
    const [a, b] = [whole, split].map(({ readings }) =>
      JSON.stringify(readings.filter(({ isOver }) => isOver)),
    )
    ensure(a === b, () => `in one piece ${a}, in several ${b}`)
  }
  for (const head of whole.heads) checkForwarded(head)
  return `${whole.events.join()} ${whole.readings.map(({ begin, isOver }) => `${begin.slice(0, 3)}${isOver}`).join()}`
}

/** What is passed on is one request, read again as the same. */
function checkForwarded(head: RequestHead): void {
  const { method, path, authority } = head
  if (method === 'CONNECT' || head.protocol !== undefined || (head.fields.contentLength() ?? 0) > 0) return
  const text = forwarded(head)
  const again = runServer(0, Buffer.from(text, 'latin1'), text.length)
  const [first] = again.heads
  ensure(
    again.heads.length === 1 &&
      first?.method === method &&
      first.path === path &&
      first.authority === authority,
    () => `passed on as ${JSON.stringify(text)}`,
  )
  const fields = (list: Fields): string => JSON.stringify(list.list())
  ensure(first !== undefined && fields(first.fields) === fields(head.fields), () => `other fields: ${text}`)
}

function runClient(options: number, input: Uint8Array, pieceBytes: number): Reading | undefined {
  const clock = new TestClock()
  let closed = 0
  let state = ''
  let reading: Reading | undefined
  const isUpgrade = (options & option.tunnels) !== 0
  const client = createHttp1Client({
    transport: new Out((options & option.blocked) !== 0),
    clock,
    limits: { maxHeaderBytes: 1024, maxStartLineBytes: 256 },
    onClose: () => closed++,
  })
  const tell = (what: string): void => {
    // A tunnel may break after its half-close.
    const mayFollow = isUpgrade && what === 'r' ? !state.includes('r') : !/[er]/.test(state)
    ensure(mayFollow, () => `${what} after ${state}`)
    ensure(
      what === 'h' ? !state.includes('h') : what !== 'd' || state.includes('h'),
      () => `${what} in ${state}`,
    )
    if (state.at(-1) !== what) state += what
  }
  const handler: ClientHandler = {
    onInform: () => tell('i'),
    onResponse(head) {
      tell('h')
      reading = readingOf(String(head.status), head.fields)
    },
    onData(bytes, start, stop) {
      tell('d')
      if (reading !== undefined) reading.body += bytes.toString('latin1', start, stop)
      if ((options & option.consumes) !== 0) exchange.consumed(stop - start)
      return false
    },
    onEnd(trailers) {
      tell('e')
      if (reading === undefined) return
      reading.isOver = true
      reading.trailers = [...(trailers?.list() ?? [])]
    },
    onReset: () => tell('r'),
    onWritable() {},
  }
  const head: RequestHead = {
    method: (options & option.resets) === 0 ? 'GET' : 'HEAD',
    scheme: 'http',
    authority: 'a',
    path: '/',
    fields: Fields.of([]),
    version: '1.1',
    protocol: isUpgrade ? 'websocket' : undefined,
  }
  const exchange = client.request(head, handler, !isUpgrade)
  feed(client, input, pieceBytes)
  if ((options & option.drains) !== 0) client.drain()
  client.onTransportEnd()
  client.onTransportClose()
  ensure(closed === 1, () => `told ${closed} times that it is over`)
  leftovers += clock.pending
  return reading
}

function clientOutcome(input: Uint8Array): string {
  leftovers = 0
  const options = input[0] ?? 0
  const bytes = input.subarray(1)
  const whole = runClient(options, bytes, bytes.length)
  const split = runClient(options, bytes, 1 + (bytes.length % 7))
  const [a, b] = [whole, split].map((reading) => JSON.stringify(reading?.isOver === true ? reading : null))
  ensure(a === b, () => `in one piece ${a}, in several ${b}`)
  return `${whole?.begin} ${whole?.isOver} ${whole?.fields.length} ${whole?.trailers.length}`
}

function sameReading(ours: Reading, nodes: Reading | undefined): void {
  ensure(nodes !== undefined && JSON.stringify(nodes) === JSON.stringify(ours), () => {
    return `we read ${JSON.stringify(ours)}, Node ${JSON.stringify(nodes)}`
  })
}

/** The first byte is even for requests. */
function compare(input: Uint8Array): string {
  leftovers = 0
  const bytes = Buffer.from(input.subarray(1))
  if (((input[0] ?? 0) & 1) === 1) {
    const ours = runClient(0, bytes, bytes.length)
    if (ours?.isOver !== true) return 'no answer'
    sameReading(ours, nodeResponse(bytes))
    return `answer ${ours.begin} ${ours.fields.length} ${Math.min(3, ours.body.length)}`
  }
  const ours = runServer(0, bytes, bytes.length).readings.filter(({ isOver }) => isOver)
  const nodes = nodeRequests(bytes)
  for (const [index, reading] of ours.entries()) {
    const known = nodes.isKnown(reading.begin)
    if (!known) break
    sameReading(reading, nodes.readings[index])
  }
  return `${ours.length} ${ours[0]?.begin.slice(0, 3)} ${ours[0]?.fields.length}`
}

function bytesOf(...texts: readonly string[]): Uint8Array {
  return Buffer.from(texts.join(''), 'latin1')
}

function makeOf(words: readonly string[]): (rng: Rng) => Uint8Array {
  return (rng) => {
    const pieces = [String.fromCharCode(below(rng, 256)), pick(rng, words)]
    for (let left = below(rng, 12); left > 0; left--)
      pieces.push(pick(rng, rng.next() < 0.3 ? words : commonWords))
    return bytesOf(...pieces)
  }
}

function target(name: string, about: string, words: readonly string[], run: FuzzTarget['run']): FuzzTarget {
  return {
    name,
    about,
    seeds: words.map((word, index) => bytesOf(String.fromCharCode(index % 4), word, words[0] ?? '')),
    words: [...words, ...commonWords].map((word) => bytesOf(word)),
    maxBytes: 3000,
    make: makeOf(words),
    run,
    leftovers: () => leftovers,
  }
}

export const http1Server: FuzzTarget = target(
  'http1-server',
  'a server takes any bytes: handlers are told in order, the same wherever input is split, and what is passed on is read as the same',
  requestWords,
  serverOutcome,
)

export const http1Client: FuzzTarget = target(
  'http1-client',
  'a client takes any bytes: its handler is told in order, the same wherever input is split',
  answerWords,
  clientOutcome,
)

export const http1Readings: FuzzTarget = target(
  'http1-readings',
  'whatever message we accept, Node’s parser reads the same',
  [...requestWords, ...answerWords],
  compare,
)
