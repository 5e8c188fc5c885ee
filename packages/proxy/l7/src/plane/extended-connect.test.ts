import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, Http2Server, IncomingHttpHeaders } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { describe, it } from 'node:test'
import { toBackend } from '../routing/test-requests.ts'
import { answering, exchange, okAnswer, proxyIp, RawBackend, TestProxy } from './test-proxy.ts'

/** What RFC 6455 §4.2.2 wants of a server, written down a second time. */
function acceptFor(head: string): string {
  const key = /\r\nsec-websocket-key: (?<key>\S+)\r\n/iu.exec(head)?.groups?.['key'] ?? ''
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

const switching = (accept: string): string =>
  `HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`

/** Takes WebSockets as a server of HTTP/1.1 does, and sends back what comes, in capitals. */
function webSocketServer(accept: (head: string) => string = acceptFor): Promise<RawBackend> {
  const opened = new WeakMap<Socket, number>()
  return RawBackend.listen((text, socket) => {
    const end = text.indexOf('\r\n\r\n')
    if (end < 0) return
    if (!opened.has(socket)) socket.write(switching(accept(text)))
    const from = opened.get(socket) ?? end + 4
    if (text.length > from) socket.write(text.slice(from).toUpperCase())
    opened.set(socket, text.length)
  })
}

class Client implements AsyncDisposable {
  readonly session: ClientHttp2Session

  private constructor(session: ClientHttp2Session) {
    this.session = session
  }

  static async open(port: number): Promise<Client> {
    const session = connect(`http://${proxyIp}:${port}`)
    session.on('error', () => undefined)
    await once(session, 'remoteSettings')
    return new Client(session)
  }

  connect(headers: Record<string, string> = {}): ClientHttp2Stream {
    const stream = this.session.request(
      { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws', ':authority': 'a', ...headers },
      { endStream: false },
    )
    stream.on('error', () => undefined)
    return stream
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.destroy()
  }
}

async function statusOf(stream: ClientHttp2Stream): Promise<unknown> {
  const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }]
  return head[':status']
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const piece of stream) text += String(piece)
  return text
}

interface Http2Back extends AsyncDisposable {
  readonly port: number
  readonly seen: IncomingHttpHeaders[]
}

/** Node's own HTTP/2 as a backend that sends back what comes. */
async function http2Server(enableConnectProtocol: boolean): Promise<Http2Back> {
  const server: Http2Server = createServer({ settings: { enableConnectProtocol } })
  const seen: IncomingHttpHeaders[] = []
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    seen.push(headers)
    stream.on('error', () => undefined)
    stream.respond({ ':status': 200 })
    stream.pipe(stream)
  })
  server.on('sessionError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // Listening on TCP.
    port: (server.address() as AddressInfo).port,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.close()
    },
  }
}

const upgrade =
  'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

describe('a WebSocket over HTTP/2', () => {
  it('reaches a server of HTTP/1.1 with a key that the proxy makes and verifies', async () => {
    await using back = await webSocketServer()
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
    })
    await using client = await Client.open(proxy.port)
    const stream = client.connect({ 'sec-websocket-version': '13', 'sec-websocket-key': 'mine' })
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }]
    assert.equal(head[':status'], 200)
    assert.equal(head['sec-websocket-accept'], undefined)
    stream.write('ping')
    const [piece] = (await once(stream, 'data')) as [Buffer]
    assert.equal(piece.toString(), 'PING')
    stream.end()
    assert.equal(await textOf(stream), '')
    const sent = back.received[0] ?? ''
    assert.match(sent, /\r\nsec-websocket-key: [A-Za-z0-9+/]{22}==\r\n/iu)
    assert.doesNotMatch(sent, /mine/u)
  })

  it('is no tunnel where the server of HTTP/1.1 answers another key', async () => {
    await using back = await webSocketServer(() => 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
    })
    await using client = await Client.open(proxy.port)
    assert.equal(await statusOf(client.connect()), 502)
  })

  it('reaches a server of HTTP/2 that takes extended CONNECT', async () => {
    await using back = await http2Server(true)
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
      upstream: 'http2',
    })
    await using client = await Client.open(proxy.port)
    for (let i = 0; i < 2; i++) {
      const stream = client.connect({ 'x-i': String(i) })
      // oxlint-disable-next-line no-await-in-loop -- one after the other: the second finds a session that is known.
      assert.equal(await statusOf(stream), 200)
      stream.end('ping')
      // oxlint-disable-next-line no-await-in-loop
      assert.equal(await textOf(stream), 'ping')
    }
    const [first] = back.seen
    assert.equal(first?.[':method'], 'CONNECT')
    assert.equal(first?.[':protocol'], 'websocket')
  })

  it('is answered with 501 where the server of HTTP/2 takes none, and nothing reaches it', async () => {
    await using back = await http2Server(false)
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
      upstream: 'http2',
    })
    await using client = await Client.open(proxy.port)
    const stream = client.connect()
    assert.equal(await statusOf(stream), 501)
    assert.match(await textOf(stream), /takes no extended CONNECT/u)
    assert.deepEqual(back.seen, [])
    await proxy.worker.flushLog()
    assert.match(proxy.logged[0] ?? '', /no_extended_connect/u)
  })
})

describe('a WebSocket over HTTP/1.1', () => {
  it('reaches a server of HTTP/2 without its key, and is answered with what the key asks for', async () => {
    await using back = await http2Server(true)
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      upstream: 'http2',
    })
    const text = await exchange(proxy.port, upgrade, (seen) => seen.endsWith('\r\n\r\n'))
    assert.match(text, /^HTTP\/1\.1 101 /u)
    // The example of RFC 6455 §1.3.
    assert.match(text, /\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/iu)
    assert.equal(back.seen[0]?.['sec-websocket-key'], undefined)
    assert.equal(back.seen[0]?.['sec-websocket-version'], '13')
  })

  it('is answered with 501 where the server of HTTP/2 takes no extended CONNECT', async () => {
    await using back = await http2Server(false)
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      upstream: 'http2',
    })
    assert.match(await exchange(proxy.port, upgrade, (seen) => seen.includes('501')), /^HTTP\/1\.1 501 /u)
    assert.deepEqual(back.seen, [])
  })
})

describe('case 23: an attacker with an extended CONNECT', () => {
  it('gets no request behind its handshake to a backend that does not switch', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
    })
    await using client = await Client.open(proxy.port)
    const stream = client.connect()
    stream.write('GET /admin HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.equal(await statusOf(stream), 502)
    // Whatever came of it would stand before this on the connection.
    const next = client.session.request({ ':path': '/next', ':authority': 'a' })
    assert.equal(await statusOf(next), 200)
    assert.doesNotMatch(back.received.join(''), /admin/u)
  })

  for (const protocol of ['h2c', 'HTTP/2.0', 'h2', 'TLS/1.0', 'h3'])
    it(`opens no tunnel for ${protocol}, in which nobody would read its requests`, async () => {
      await using back = await RawBackend.listen(answering(okAnswer))
      await using proxy = await TestProxy.start({
        entries: toBackend,
        clusters: { 'test/back': [back.port] },
        protocol: 'http2',
      })
      await using client = await Client.open(proxy.port)
      assert.equal(await statusOf(client.connect({ ':protocol': protocol })), 501)
      assert.deepEqual(back.received, [])
    })

  for (const protocol of ['websocket, h2c', 'websocket h2c', 'web/socket/h2c', 'websocket;x', ' '])
    it(`is refused with the protocol ${JSON.stringify(protocol)}`, async () => {
      await using back = await RawBackend.listen(answering(okAnswer))
      await using proxy = await TestProxy.start({
        entries: toBackend,
        clusters: { 'test/back': [back.port] },
        protocol: 'http2',
      })
      await using client = await Client.open(proxy.port)
      const stream = client.connect({ ':protocol': protocol })
      const outcome = await statusOf(stream).catch(() => 'reset')
      assert.ok(outcome === 400 || outcome === 'reset', String(outcome))
      assert.deepEqual(back.received, [])
    })

  it('gets no length of a body to a backend of HTTP/1.1', async () => {
    await using back = await webSocketServer()
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
    })
    await using client = await Client.open(proxy.port)
    assert.equal(await statusOf(client.connect({ 'content-length': '30' })), 400)
    assert.equal(back.received.join(''), '', 'not a byte of it')
  })
})
