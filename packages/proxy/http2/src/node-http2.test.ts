/** Against `node:http2` (nghttp2) over loopback TCP, each side in each role. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import net from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { http2Error } from './error-codes.ts'
import { createHttp2Session } from './session.ts'
import type { Http2Session, Http2SessionOptions, SessionEnd } from './session-options.ts'
import type { Http2Stream, StreamHandler } from './session-types.ts'
import { RecordingHandler } from './test-support.ts'

const get = [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/']

function attach(socket: Socket, options: Omit<Http2SessionOptions, 'transport'>): Http2Session {
  const session = createHttp2Session({
    ...options,
    transport: {
      write: (bytes, done) => socket.write(bytes, done),
      end: () => void socket.end(),
      destroy: () => void socket.destroy(),
    },
  })
  socket.setNoDelay(true)
  socket.on('data', (bytes: Buffer) => session.receive(bytes, 0, bytes.length))
  socket.on('drain', () => session.onTransportDrain())
  socket.on('close', () => session.onTransportClose())
  socket.on('error', () => undefined)
  return session
}

/** Ours as the server; returns a client of Node's. */
async function nodeClient(
  t: TestContext,
  options: Partial<Http2SessionOptions>,
): Promise<{ client: http2.ClientHttp2Session; sessions: Http2Session[]; ends: SessionEnd[] }> {
  const sessions: Http2Session[] = []
  const ends: SessionEnd[] = []
  const server = net.createServer((socket) => {
    sessions.push(attach(socket, { role: 'server', onClose: (end) => ends.push(end), ...options }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  client.on('error', () => undefined)
  t.after(() => {
    client.destroy()
    for (const session of sessions) session.destroy()
    server.close()
  })
  await once(client, 'connect')
  return { client, sessions, ends }
}

/** Node as the server; returns a client of ours. */
async function ourClient(
  t: TestContext,
  onStream: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
  settings: http2.Settings = {},
): Promise<{ session: Http2Session; ended: Promise<SessionEnd> }> {
  const node = http2.createServer({ settings })
  node.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on('error', () => undefined)
    onStream(stream, headers)
  })
  node.listen(0, '127.0.0.1')
  await once(node, 'listening')
  const socket = net.connect((node.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  const { promise: ended, resolve } = Promise.withResolvers<SessionEnd>()
  const session = attach(socket, { role: 'client', onClose: resolve })
  t.after(() => {
    session.destroy()
    node.close()
  })
  return { session, ended }
}

/** A handler whose promise settles with its last event. */
class Waiting extends RecordingHandler {
  readonly #over = Promise.withResolvers<void>()
  readonly over: Promise<void> = this.#over.promise

  override onEnd(): void {
    super.onEnd()
    this.#over.resolve()
  }

  override onReset(code: number): void {
    super.onReset(code)
    this.#over.resolve()
  }
}

/** Sends back what it gets, within the windows, and consumes what it has sent. */
class Echo implements StreamHandler {
  readonly stream: Http2Stream
  readonly #queue: Buffer[] = []
  #ended = false
  #over = false

  constructor(stream: Http2Stream) {
    this.stream = stream
  }

  onHeaders(): void {
    this.onEnd()
  }

  onData(bytes: Buffer, start: number, end: number): boolean {
    this.#queue.push(Buffer.from(bytes.subarray(start, end)))
    this.onWritable()
    return false
  }

  onEnd(): void {
    this.#ended = true
    this.onWritable()
  }

  onReset(): void {
    this.#over = true
  }

  onWritable(): void {
    for (let piece = this.#queue[0]; piece !== undefined && !this.#over; piece = this.#queue[0]) {
      const bytes = Math.min(piece.length, this.stream.sendable)
      if (bytes === 0) return
      this.stream.sendCopy(piece, 0, bytes)
      this.stream.consumed(bytes)
      if (bytes === piece.length) this.#queue.shift()
      else this.#queue[0] = piece.subarray(bytes)
    }
    if (this.#ended && !this.#over) this.stream.end()
  }
}

function echo(stream: Http2Stream): StreamHandler {
  stream.sendHeaders([':status', '200'], false)
  return new Echo(stream)
}

function pattern(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at)
  return buffer
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

test('server: request with body, response with trailers', async (t) => {
  let seen: readonly string[] = []
  const { client } = await nodeClient(t, {
    onStream(stream, headers) {
      seen = headers
      const handler = new RecordingHandler()
      handler.onEnd = () => {
        stream.sendHeaders([':status', '201', 'x-bytes', String(handler.bytes)], false)
        const body = Buffer.from('done')
        stream.sendCopy(body, 0, body.length)
        stream.sendHeaders(['x-trailer', 'yes'], true)
      }
      handler.onData = (bytes, start, end) => {
        handler.data.push(Buffer.from(bytes.subarray(start, end)))
        stream.consumed(end - start)
        return false
      }
      return handler
    },
  })
  const request = client.request({ ':method': 'POST', ':path': '/p', 'x-odd': 'a\u00e9' + 'a'.repeat(50) })
  request.end(pattern(700_000))
  const [response] = (await once(request, 'response')) as [http2.IncomingHttpHeaders]
  const trailers = once(request, 'trailers')
  equal((await collect(request)).toString(), 'done')
  equal(response[':status'], 201)
  equal(response['x-bytes'], '700000')
  equal(((await trailers) as [http2.IncomingHttpHeaders])[0]['x-trailer'], 'yes')
  deepEqual(seen.slice(0, 2), [':method', 'POST'])
  equal(seen.at(-1), 'a\u00e9' + 'a'.repeat(50))
})

test('server: many CONNECT streams with bulk data both ways at once', async (t) => {
  const { client, sessions } = await nodeClient(t, { onStream: (stream) => echo(stream) })
  const body = pattern(1_500_000)
  const streams = [1, 2, 3, 4].map(async () => {
    const tunnel = client.request({ ':method': 'CONNECT', ':authority': '10.0.0.1:80' }, { endStream: false })
    tunnel.end(body)
    ok((await collect(tunnel)).equals(body))
  })
  await Promise.all(streams)
  equal(sessions[0]?.counters.bytesUnconsumed, 0)
  equal(sessions[0]?.counters.streamsOpened, 4)
})

test('server: resets both ways, PING, and the end by GOAWAY of the peer', async (t) => {
  const codes: number[] = []
  const reset = Promise.withResolvers<void>()
  const { client, ends } = await nodeClient(t, {
    onStream(stream, headers) {
      if (headers.includes('/refuse')) return undefined
      const handler = new RecordingHandler()
      handler.onReset = (code) => {
        codes.push(code)
        reset.resolve()
      }
      if (headers.includes('/kill')) stream.reset(http2Error.internalError)
      else stream.sendHeaders([':status', '200'], false)
      return handler
    },
  })
  const codeOf = async (path: string): Promise<number | undefined> => {
    const request = client.request({ ':path': path })
    request.on('error', () => undefined)
    await new Promise<void>((resolve) => request.once('close', resolve))
    return request.rstCode
  }
  equal(await codeOf('/refuse'), http2Error.refusedStream)
  equal(await codeOf('/kill'), http2Error.internalError)
  const mine = client.request({ ':path': '/wait' })
  await once(mine, 'response')
  mine.close(http2Error.cancel)
  await reset.promise
  deepEqual(codes, [http2Error.cancel])
  const ponged = Promise.withResolvers<void>()
  client.ping(Buffer.from('abcdefgh'), (_error, _ms, payload) => {
    equal(payload.toString(), 'abcdefgh')
    ponged.resolve()
  })
  await ponged.promise
  client.close()
  await once(client, 'close')
  equal(ends[0]?.cause === 'remote-goaway' || ends[0]?.cause === 'transport', true)
})

test('server: drain lets a running stream finish and refuses none that was under way', async (t) => {
  const streams: Http2Stream[] = []
  const { client, sessions, ends } = await nodeClient(t, {
    onStream(stream) {
      streams.push(stream)
      stream.sendHeaders([':status', '200'], false)
      return new RecordingHandler()
    },
  })
  const request = client.request({ ':path': '/' })
  await once(request, 'response')
  const goaway = once(client, 'goaway')
  sessions[0]?.drain()
  await goaway
  const body = Buffer.from('late')
  streams[0]?.sendCopy(body, 0, 4)
  streams[0]?.end()
  equal((await collect(request)).toString(), 'late')
  await once(client, 'close')
  equal(ends[0]?.cause === 'drained', true)
})

test('server: a header list in CONTINUATION frames from nghttp2', async (t) => {
  let bytes = 0
  const { client } = await nodeClient(t, {
    onStream(stream, headers) {
      bytes = headers.join('').length
      stream.sendHeaders([':status', '200', 'long', 'w'.repeat(30_000)], true)
      return new RecordingHandler()
    },
  })
  const request = client.request({ ':path': '/', long: 'v~'.repeat(15_000) })
  const [response] = (await once(request, 'response')) as [http2.IncomingHttpHeaders]
  ok(bytes > 30_000)
  equal(String(response['long']).length, 30_000)
})

test('client: request, response and trailers', async (t) => {
  const { session } = await ourClient(t, (stream, headers) => {
    stream.respond({ ':status': 200, 'x-path': headers[':path'] ?? '' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end('hello')
  })
  const handler = new Waiting()
  session.open(get, handler, true)
  await handler.over
  ok(handler.events[0]?.startsWith('headers :status 200 x-path /'))
  deepEqual(handler.events.slice(1), ['data hello', 'headers grpc-status 0 end', 'end'])
})

test('client: many CONNECT streams with bulk data both ways at once', async (t) => {
  const { session } = await ourClient(t, (stream) => {
    stream.respond({ ':status': 200 })
    stream.pipe(stream)
  })
  const body = pattern(1_200_000)
  const tunnels = [1, 2, 3].map(async () => {
    const handler = new Waiting()
    const stream = session.open([':method', 'CONNECT', ':authority', '10.0.0.1:80'], handler)
    ok(stream)
    let sent = 0
    const { onData } = handler
    handler.onData = (bytes, start, end) => {
      stream.consumed(end - start)
      return onData.call(handler, bytes, start, end)
    }
    handler.onWritable = () => {
      for (let room = stream.sendable; room > 0 && sent < body.length; room = stream.sendable) {
        const piece = Math.min(room, body.length - sent, 50_000)
        sendPiece(stream, body, sent, piece)
        sent += piece
      }
      if (sent === body.length) stream.end()
    }
    handler.onWritable()
    await handler.over
    ok(Buffer.concat(handler.data).equals(body))
  })
  await Promise.all(tunnels)
  equal(session.counters.bytesUnconsumed, 0)
})

/** Now by copy, now by slab. */
function sendPiece(stream: Http2Stream, body: Buffer, from: number, bytes: number): void {
  if (from % 100_000 === 0) {
    stream.sendCopy(body, from, from + bytes)
    return
  }
  const slab = Buffer.alloc(9 + bytes)
  body.copy(slab, 9, from, from + bytes)
  stream.sendSlab(slab, bytes, () => slab.fill(0))
}

test('client: stream limit, reset by the peer, GOAWAY of the peer', async (t) => {
  const sessions = new Set<http2.Http2Session | undefined>()
  const { session, ended } = await ourClient(
    t,
    (stream) => {
      sessions.add(stream.session)
      stream.respond({ ':status': 200 })
    },
    { maxConcurrentStreams: 2 },
  )
  const second = new Waiting()
  const first = new Waiting()
  const answered = Promise.withResolvers<void>()
  first.onHeaders = () => answered.resolve()
  session.open(get, first)
  await answered.promise
  equal(session.counters.remoteMaxStreams, 2)
  session.open(get, second)
  equal(session.open(get, second), undefined)
  for (const each of sessions) each?.goaway(http2Error.noError, 0)
  for (const each of sessions) each?.destroy()
  const end = await ended
  ok(end.cause === 'remote-goaway' || end.cause === 'transport')
  ok(first.events.at(-1)?.startsWith('reset'))
})

test('client: drain ends in order', async (t) => {
  const { session, ended } = await ourClient(t, (stream) => {
    stream.respond({ ':status': 200 })
    stream.end('bye')
  })
  const handler = new Waiting()
  session.open(get, handler, true)
  session.drain()
  await handler.over
  equal(handler.events.includes('data bye'), true)
  equal((await ended).cause, 'drained')
})
