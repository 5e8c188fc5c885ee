import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { posix } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
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

const noAdmin = onRequests('deny', 'no-admin', { path: { kind: 'prefix', path: '/admin' } })

/** Pieces that paths are attacked with. */
const pieces = [
  '/',
  '//',
  '/.',
  '/..',
  '/./',
  '/../',
  '/%2e%2e/',
  '/%2E',
  '%2f',
  '%2F',
  '%5c',
  '\\',
  '%00',
  '%',
  '%4',
  '%zz',
  ';a=b',
  '/..;/',
  'admin',
  'ADMIN',
  '%61dmin',
  'adm%69n',
  'a',
  'b',
  '#x',
  '?q=1',
  '?',
  '%3f',
  '%c0%af',
  '%e2%82%ac',
  '\u00e9',
  ' ',
  '%20',
  '+',
  '*',
  '~',
  '%7e',
  '%7E',
  '@',
  ':',
  '|',
  '[',
  ']',
  '%25',
  '%252e',
]

/** The path of the request line that a backend got; undefined: none came. */
function targetOf(received: string): string | undefined {
  return /^GET (\S+) HTTP\/1\.1\r\n/u.exec(received)?.[1]
}

describe('one reading of a request', () => {
  it('the path that policy saw is the path that the backend got, whatever was sent', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      access: [noAdmin],
    })
    const path = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(path, async (parts) => {
        back.received.length = 0
        for (const socket of back.sockets) socket.destroy()
        const sent = `/${parts.join('')}`
        const line = `GET ${sent} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
        const text = await exchange(proxy.port, line)
        await proxy.worker.flushLog()
        const target = targetOf(back.received.join(''))
        const logged = proxy.logged.splice(0).map((one) => JSON.parse(one) as Record<string, unknown>)
        const status = text.slice(9, 12)
        if (target === undefined) {
          assert.ok(status === '400' || status === '403', `${sent} was answered ${status}`)
          return
        }
        const got = target.split('?')[0] ?? ''
        assert.equal(status, '200', sent)
        assert.equal(logged.at(-1)?.['path'], got, sent)
        // What a server that decodes once more, or resolves dots, would make of it is no secret place either.
        const decoded = got.replaceAll(/%([0-9a-f]{2})/giu, (_all, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        )
        assert.doesNotMatch(posix.normalize(decoded), /^\/admin(\/|$)/u, sent)
        assert.doesNotMatch(got, /^\/admin(\/|$)/u, sent)
      }),
      { numRuns: 150 },
    )
  })

  it('case 10: ambiguous paths are 400, and no spelling leads past a rule', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      access: [noAdmin],
    })
    const expected: readonly (readonly [string, string])[] = [
      ['/admin/../x', '200'],
      ['/x/%2e%2e/admin', '403'],
      ['//admin', '403'],
      ['/./admin', '403'],
      ['/%61dmin', '403'],
      ['/admin%2Fx', '400'],
      ['/admin\\x', '400'],
      ['/x%5Cadmin', '400'],
      ['/admin%00', '400'],
      ['/%c0%ae%c0%ae/admin', '400'],
      ['/admin#x', '400'],
      ['/admin?', '403'],
    ]
    for (const [path, status] of expected) {
      const text = await exchange(proxy.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      assert.equal(text.slice(9, 12), status, path)
    }
    assert.deepEqual(back.received.map(targetOf), ['/x'])
  })

  it('case 12: what a client says of itself in the names of proxies does not reach the backend', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const names = ['X-Forwarded-Client-Cert', 'X_Forwarded_Client_Cert', 'x-forwarded_client-cert']
    const others = [
      'X-Envoy-Peer-Metadata',
      'x_envoy_peer_metadata_id',
      'Content_Length',
      'TRANSFER_ENCODING',
    ]
    const claims = [...names, ...others].map((name) => `${name}: 2\r\n`).join('')
    const kept = 'X-Kept: 1\r\nx_kept: 2\r\nx_forwarded_client_certs: 3\r\nContent-Length: 2\r\n'
    await exchange(proxy.port, `POST / HTTP/1.1\r\nHost: a\r\n${claims}${kept}\r\nhi`, answered)
    const [sent = ''] = back.received
    assert.doesNotMatch(sent, /client.cert:|peer.metadata|t_length|encoding/iu)
    assert.ok(sent.endsWith(`${kept}\r\nhi`), sent)
  })

  it('case 12: nor in other spellings over HTTP/2', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      protocol: 'http2',
    })
    const session = connectHttp2(`http://${proxyIp}:${proxy.port}`)
    const headers = {
      x_forwarded_client_cert: 'a',
      'x-forwarded-client-cert': 'a',
      x_kept: '1',
      content_length: '9',
    }
    const stream = session.request({ ':path': '/', ...headers }).resume()
    await once(stream, 'close')
    session.destroy()
    assert.doesNotMatch(back.received[0] ?? '', /client.cert|length/iu)
    assert.match(back.received[0] ?? '', /\r\nx_kept: 1\r\n/u)
  })

  it('case 12: nor does it behind the payload', async () => {
    await using back = await RawBackend.listen((text, socket) => {
      if (text.endsWith('X-Kept: 1\r\n\r\n')) socket.write(okAnswer)
    })
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const claims = 'X-Forwarded-Client-Cert: URI=spiffe://cluster.local/ns/a/sa/admin\r\nX-Kept: 1\r\n'
    await exchange(
      proxy.port,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${claims}\r\n`,
      answered,
    )
    assert.match(back.received[0] ?? '', /0\r\nX-Kept: 1\r\n\r\n$/u)
    assert.doesNotMatch(back.received[0] ?? '', /client-cert/iu)
  })

  it('case 1: with two framings nothing is forwarded', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const both =
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
    assert.equal((await exchange(proxy.port, both)).slice(9, 12), '400')
    assert.deepEqual(back.received, [])
  })

  it('case 22: CONNECT opens no way through', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const text = await exchange(
      proxy.port,
      `CONNECT 127.0.0.1:${back.port} HTTP/1.1\r\nHost: 127.0.0.1:${back.port}\r\n\r\n`,
    )
    assert.equal(text.slice(9, 12), '405')
    assert.deepEqual(back.received, [])
  })

  it('case 23: an upgrade that the backend refuses makes no tunnel', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const upgrade = 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    const text = await exchange(proxy.port, upgrade)
    assert.match(text, /^HTTP\/1\.1 200 /u)
    assert.equal(back.received.length, 1)
  })

  it('an upgrade that the backend takes is a tunnel in both directions, each half ending by itself', async () => {
    const switched = 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
    await using back = await RawBackend.listen((text, socket) => {
      if (text.endsWith('\r\n\r\n')) socket.write(`${switched}hello`)
      if (text.endsWith('ping')) socket.write('pong')
    })
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const socket = connect({ host: proxyIp, port: proxy.port })
    socket.write('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    let text = ''
    const done = Promise.withResolvers<void>()
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      if (text.endsWith('hello')) socket.write('ping')
      if (text.endsWith('pong')) socket.end()
    })
    socket.on('close', () => done.resolve())
    await done.promise
    assert.match(text, /^HTTP\/1\.1 101 [^]*\r\n\r\nhellopong$/u)
  })
})
