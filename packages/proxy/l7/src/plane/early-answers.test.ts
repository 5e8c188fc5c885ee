import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, Settings } from 'node:http2'
import { it } from 'node:test'
import { TestClock } from '@tulle/core'
import type { HttpEntry } from '@tulle/traffic'
import { entry, rule, toBackend } from '../routing/test-requests.ts'
import { answering, okAnswer, proxyIp, RawBackend, TestProxy } from './test-proxy.ts'

const maxStreams = 200

function startProxy(entries: readonly HttpEntry[], back: RawBackend, clock: TestClock): Promise<TestProxy> {
  return TestProxy.start({ entries, clusters: { 'test/back': [back.port] }, protocol: 'http2', clock })
}

function open(port: number, settings: Settings = {}): ClientHttp2Session & Disposable {
  const session = connect(`http://${proxyIp}:${port}`, { settings })
  session.on('error', () => undefined)
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() })
}

function post(session: ClientHttp2Session, path: string = '/'): ClientHttp2Stream {
  const stream = session.request({ ':method': 'POST', ':path': path }, { endStream: false })
  stream.on('error', () => undefined)
  return stream.resume()
}

/** What the proxy has said so far has come. */
function said(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => void session.ping(() => resolve()))
}

it('takes a request no longer than a moment after its answer, so that its stream is there for the next', async () => {
  await using back = await RawBackend.listen(answering(okAnswer))
  const clock = new TestClock()
  const entries = [entry({ path: { kind: 'prefix', path: '/back' } }, rule('back'))]
  await using proxy = await startProxy(entries, back, clock)
  using session = open(proxy.port)
  for (const path of ['/none', '/back', '/none']) {
    const streams = Array.from({ length: maxStreams }, () => post(session, path))
    const heads = await Promise.all(streams.map((stream) => once(stream, 'response')))
    await Promise.all(streams.filter(({ readableEnded }) => !readableEnded).map((one) => once(one, 'end')))
    await clock.advance(999)
    await said(session)
    assert.equal(streams.filter(({ closed }) => closed).length, 0)
    const closed = Promise.all(streams.map((stream) => once(stream, 'close')))
    await clock.advance(1)
    await closed
    assert.deepEqual(new Set(streams.map(({ rstCode }) => rstCode)), new Set([constants.NGHTTP2_NO_ERROR]))
    assert.equal(heads.length, maxStreams)
  }
})

it('keeps the half of a tunnel that its client goes on with', async () => {
  const received = Promise.withResolvers<void>()
  await using back = await RawBackend.listen((text, socket) => {
    if (text.endsWith('late')) received.resolve()
    else if (socket.writable)
      socket.end('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: other\r\n\r\nfirst')
  })
  const clock = new TestClock()
  await using proxy = await startProxy(toBackend, back, clock)
  using session = open(proxy.port)
  await once(session, 'remoteSettings')
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'other', ':path': '/', ':authority': 'a' },
    { endStream: false },
  )
  let text = ''
  for await (const piece of stream.setEncoding('utf8').iterator({ destroyOnReturn: false }))
    text += String(piece)
  assert.equal(text, 'first')
  await clock.advance(5000)
  await said(session)
  stream.write('late')
  await received.promise
  stream.close()
})

it('gives up an answer for which its client never opens a window', async () => {
  await using back = await RawBackend.listen(answering(okAnswer))
  const clock = new TestClock()
  await using proxy = await startProxy(toBackend, back, clock)
  using session = open(proxy.port, { initialWindowSize: 0 })
  const streams = Array.from({ length: maxStreams }, () => session.request({ ':path': '/' }))
  const closed = Promise.all(
    streams.map(
      (stream) => new Promise<void>((resolve) => stream.on('error', () => undefined).on('close', resolve)),
    ),
  )
  await Promise.all(streams.map((stream) => once(stream, 'response')))
  const stepMs = 5000
  for (let ms = 0; ms < 400_000; ms += stepMs) {
    await clock.advance(stepMs)
    await said(session)
  }
  await closed
  assert.deepEqual(new Set(streams.map(({ rstCode }) => rstCode)), new Set([constants.NGHTTP2_CANCEL]))
})
