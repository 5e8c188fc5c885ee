import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { ClientHttp2Session, Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import type { AccessPolicy } from '@tulle/access'
import { toBackend } from '../routing/test-requests.ts'
import {
  answered,
  answering,
  exchange,
  okAnswer,
  onRequests,
  proxyIp,
  RawBackend,
  TestProxy,
} from './test-proxy.ts'

const noDelete = onRequests('deny', 'no-delete', { methods: ['DELETE'] })

/** Node's own HTTP/2 as a backend. */
class NodeBackend implements AsyncDisposable {
  readonly #server: Http2Server
  sessions: number = 0

  private constructor(server: Http2Server) {
    this.#server = server
    server.on('session', () => this.sessions++)
  }

  static async listen(
    onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
  ): Promise<NodeBackend> {
    const server = createServer()
    server.on('stream', onStream)
    server.on('sessionError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new NodeBackend(server)
  }

  get port(): number {
    // Listening on TCP.
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
  }
}

class NodeClient implements Disposable {
  readonly session: ClientHttp2Session

  constructor(port: number) {
    this.session = connect(`http://${proxyIp}:${port}`)
    this.session.on('error', () => undefined)
  }

  async ask(
    headers: Record<string, string>,
    body?: string,
  ): Promise<{
    readonly headers: IncomingHttpHeaders
    readonly body: string
    readonly trailers: IncomingHttpHeaders
  }> {
    const stream = this.session.request(headers, { endStream: body === undefined })
    let trailers: IncomingHttpHeaders = {}
    stream.on('trailers', (list: IncomingHttpHeaders) => (trailers = list))
    if (body !== undefined) stream.end(body)
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    let text = ''
    stream.setEncoding('utf8')
    for await (const piece of stream) text += String(piece)
    return { headers: head, body: text, trailers }
  }

  [Symbol.dispose](): void {
    this.session.destroy()
  }
}

describe('HTTP/2', () => {
  it('comes in and goes on as HTTP/1.1, with one host and nothing of the connection', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
    })
    using client = new NodeClient(proxy.port)
    const answer = await client.ask({
      ':path': '/a?b',
      ':authority': 'Books',
      te: 'trailers',
      cookie: 'a=1; b=2',
    })
    assert.equal(answer.headers[':status' as keyof IncomingHttpHeaders], 200)
    assert.equal(answer.body, 'ok')
    const sent = back.received[0] ?? ''
    assert.match(sent, /^GET \/a\?b HTTP\/1\.1\r\nhost: Books\r\n/iu)
    assert.match(sent, /\r\ncookie: a=1; b=2\r\n/iu)
    assert.doesNotMatch(sent, /\r\nte:|\r\n:/u)
  })

  it('case 9: two hosts that differ are 400, and nothing is forwarded', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
    })
    using client = new NodeClient(proxy.port)
    const answer = await client.ask({ ':path': '/', ':authority': 'one', host: 'two' })
    assert.equal(answer.headers[':status' as keyof IncomingHttpHeaders], 400)
    assert.deepEqual(back.received, [])
  })

  it('case 21: is read no more generously than HTTP/1.1, also on its way to HTTP/2', async () => {
    const reached: unknown[] = []
    await using back = await NodeBackend.listen((stream, headers) => {
      reached.push([headers[':method'], headers[':authority'], headers[':path']])
      stream.respond({ ':status': 200 }, { endStream: true })
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      access: [noDelete],
      protocol: 'http2',
      upstream: 'http2',
    })
    using client = new NodeClient(proxy.port)
    const good = { ':method': 'GET', ':authority': 'books', ':path': '/' }
    const statusOf = async (change: Record<string, string>): Promise<unknown> =>
      (await client.ask({ ...good, ...change })).headers[':status' as keyof IncomingHttpHeaders]
    assert.equal(await statusOf({ ':method': 'DELETE' }), 403)
    for (const method of ['delete', 'Delete', 'DELETE /b HTTP/1.1', 'G\u00c9T', 'X'.repeat(33)])
      assert.equal(await statusOf({ ':method': method }), 501, method)
    for (const host of ['b%6Foks', 'books:', 'books:99999', 'books,a', '(books)', 'books..', 'a@books'])
      assert.equal(await statusOf({ ':authority': host }), 400, host)
    assert.equal(await statusOf({ ':path': '/?\u00e9' }), 400)
    await assert.rejects(statusOf({ a: 'b\u0001c' }))
    assert.deepEqual(reached, [])
    assert.equal(await statusOf({ ':authority': 'BOOKS.:80' }), 200)
    assert.equal(reached.length, 1)
  })

  it('goes out for HTTP/1.1 clients, many on one session', async () => {
    await using back = await NodeBackend.listen((stream, headers) => {
      stream.respond({ ':status': 200, 'content-length': 2, 'x-path': String(headers[':path']) })
      stream.end('ok')
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      upstream: 'http2',
    })
    const get = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n'
    const all = await Promise.all(Array.from({ length: 5 }, () => exchange(proxy.port, get, answered)))
    for (const text of all) assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*x-path: \/x\r\n/u)
    assert.equal(back.sessions, 1)
  })

  it('carries gRPC with its trailers, and both directions at once', async () => {
    await using back = await NodeBackend.listen((stream, headers) => {
      assert.equal(headers['te'], 'trailers')
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      const trailers = { 'grpc-status': '0', 'x-last': 'yes', 'set-cookie': ['a=b'], 'content-length': '9' }
      stream.on('wantTrailers', () => stream.sendTrailers(trailers))
      stream.pipe(stream)
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
      upstream: 'http2',
    })
    using client = new NodeClient(proxy.port)
    const body = 'x'.repeat(1_000_000)
    const headers = {
      ':method': 'POST',
      ':path': '/a.B/C',
      'content-type': 'application/grpc',
      te: 'trailers',
    }
    const answer = await client.ask(headers, body)
    assert.equal(answer.body.length, body.length)
    // What frames, routes or guards a message has no place there (RFC 9110 §6.5.1).
    assert.deepEqual(Object.entries(answer.trailers), [
      ['grpc-status', '0'],
      ['x-last', 'yes'],
    ])
    await proxy.worker.flushLog()
    assert.match(proxy.logged[0] ?? '', /"grpc_status":"0"/u)
  })

  it('refuses gRPC with status 7 in trailers alone', async () => {
    const nobody: AccessPolicy = {
      name: 'nobody',
      namespace: 'test',
      scope: 'namespace',
      action: 'allow',
      dryRun: false,
      rules: [],
    }
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: {},
      protocol: 'http2',
      access: [nobody],
    })
    using client = new NodeClient(proxy.port)
    const answer = await client.ask(
      { ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc' },
      'x',
    )
    assert.equal(answer.headers[':status' as keyof IncomingHttpHeaders], 200)
    assert.equal(answer.headers['grpc-status'], '7')
    assert.equal(answer.headers['grpc-message'], 'access denied')
    assert.equal(answer.body, '')
    const plain = await client.ask({ ':path': '/' })
    assert.equal(plain.headers[':status' as keyof IncomingHttpHeaders], 403)
  })

  it('case 24: a stream that the endpoint resets after its head is reset, not ended', async () => {
    await using back = await NodeBackend.listen((stream) => {
      stream.on('error', () => undefined)
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.write('part', () => stream.destroy(new Error('broken')))
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
      upstream: 'http2',
    })
    using client = new NodeClient(proxy.port)
    await assert.rejects(
      client.ask({ ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc' }, 'x'),
    )
  })

  it('takes 16 informational answers of an endpoint, and breaks off behind them', async () => {
    let count = 16
    await using back = await NodeBackend.listen((stream) => {
      stream.on('error', () => undefined)
      for (let i = 0; i < count; i++) stream.additionalHeaders({ ':status': 103, link: 'a' })
      stream.respond({ ':status': 200, 'content-length': 2 })
      stream.end('ok')
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      upstream: 'http2',
    })
    const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    const informed = await exchange(proxy.port, get, answered)
    assert.equal(informed.split('HTTP/1.1 103 ').length - 1, 16)
    count = 17
    const refused = await exchange(proxy.port, get, (text) => text.includes('broke off'))
    assert.equal(refused.split('HTTP/1.1 103 ').length - 1, 16)
    assert.match(refused, /HTTP\/1\.1 503 /u)
  })

  it('opens another session where an endpoint says GOAWAY', async () => {
    await using back = await NodeBackend.listen((stream) => {
      stream.respond({ ':status': 200, 'content-length': 2 })
      stream.end('ok', () => stream.session?.close())
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      upstream: 'http2',
    })
    for (let i = 0; i < 3; i++)
      assert.match(
        await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', answered),
        /^HTTP\/1\.1 200 /u,
      )
    assert.ok(back.sessions >= 2, `${back.sessions} sessions`)
  })

  it('keeps the connection that a request was meant for which can’t be sent over HTTP/1.1', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
      resilience: { limits: { maxConnections: 1, maxRequests: 10, maxPending: 10 } },
    })
    using client = new NodeClient(proxy.port)
    const statuses: unknown[] = []
    // A length that HTTP/1.1 reads in two ways.
    for (const length of ['02', '02', '2']) {
      const headers = { ':method': 'POST', ':path': '/', 'content-length': length }
      statuses.push((await client.ask(headers, 'no')).headers[':status' as keyof IncomingHttpHeaders])
    }
    assert.deepEqual(statuses, [400, 400, 200])
    assert.equal(back.received.length, 1)
    // Nor is the endpoint to blame: whoever sends such requests could have it left out.
    const outcomes = proxy.balancers.flatMap((balancer) => balancer.outcomes)
    assert.deepEqual(outcomes, ['unknown', 'finished', 'unknown', 'finished', 'ok', 'finished'])
  })

  it('case 23: an extended CONNECT that the backend answers with 200 is no tunnel', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
    })
    using client = new NodeClient(proxy.port)
    await once(client.session, 'remoteSettings')
    const stream = client.session.request(
      { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws', ':authority': 'a' },
      { endStream: false },
    )
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    assert.equal(head[':status' as keyof IncomingHttpHeaders], 502)
    stream.close()
  })
})
