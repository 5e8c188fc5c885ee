import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { backend, entry, rule, toBackend } from '../routing/test-requests.ts'
import { answered, answering, exchange, okAnswer, RawBackend, TestProxy } from './test-proxy.ts'

describe('HttpWorker', () => {
  it('forwards a request and its answer', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const text = await exchange(proxy.port, 'GET /a?b HTTP/1.1\r\nHost: Books\r\nX-One: 1\r\n\r\n', answered)
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/u)
    assert.match(back.received[0] ?? '', /^GET \/a\?b HTTP\/1\.1\r\nhost: Books\r\n/iu)
    assert.match(back.received[0] ?? '', /x-one: 1\r\n/iu)
  })

  it('answers 404 where no rule covers the request, 503 where nobody is behind one', async () => {
    await using proxy = await TestProxy.start({
      entries: [entry({ path: { kind: 'exact', path: '/nobody' } }, rule('nobody'))],
      clusters: {},
    })
    assert.match(
      await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', answered),
      /^HTTP\/1\.1 404 /u,
    )
    const none = await exchange(proxy.port, 'GET /nobody HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert.match(none, /^HTTP\/1\.1 503 /u)
  })

  it('sends a body on as it comes, and trailers where there is room for them', async () => {
    await using back = await RawBackend.listen((text, socket) => {
      if (text.endsWith('0\r\n\r\n')) socket.write(okAnswer)
    })
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const body =
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'
    assert.match(await exchange(proxy.port, body, answered), /200 OK/u)
    assert.match(back.received[0] ?? '', /abc/u)
  })

  it('goes elsewhere when an endpoint cannot be reached', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [1, back.port] },
    })
    for (let i = 0; i < 3; i++)
      assert.match(await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', answered), /200 OK/u)
  })

  it('keeps as many connections to an endpoint as a burst of requests took', async () => {
    const burst = 500
    let waiting: Socket[] = []
    await using back = await RawBackend.listen((_text, socket) => {
      waiting.push(socket)
      if (waiting.length < burst) return
      for (const one of waiting) one.write(okAnswer)
      waiting = []
    })
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    for (let round = 0; round < 3; round++)
      await Promise.all(
        Array.from({ length: burst }, () =>
          exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', answered),
        ),
      )
    assert.equal(back.received.length, burst)
  })

  it('repeats a request on the statuses of its rule, body and all', async () => {
    const bad = 'HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n'
    await using broken = await RawBackend.listen((text, socket) => {
      if (text.endsWith('abcde')) socket.write(bad)
    })
    await using back = await RawBackend.listen((text, socket) => {
      if (text.endsWith('abcde')) socket.write(okAnswer)
    })
    const retry = { attempts: 1, backoffMs: 0, statusCodes: [503], onConnectionError: true, onReset: true }
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('back', { retry }))],
      clusters: { 'test/back': [broken.port, back.port] },
    })
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde'
    assert.match(await exchange(proxy.port, post, answered), /200 OK/u)
    assert.match(broken.received[0] ?? '', /abcde$/u)
    assert.match(back.received[0] ?? '', /abcde$/u)
  })

  it('applies filters of the rule and of the backend, in both directions', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    const changes = { set: [], add: [], remove: [] }
    const to = backend('back', 1, [
      { kind: 'request-headers', changes: { ...changes, set: [{ name: 'x-backend', value: 'b' }] } },
    ])
    const filtered = rule('back', {
      backends: [to],
      filters: [
        {
          kind: 'request-headers',
          changes: { ...changes, set: [{ name: 'x-rule', value: 'r' }], remove: ['x-gone'] },
        },
        { kind: 'response-headers', changes: { ...changes, set: [{ name: 'x-answer', value: 'a' }] } },
        { kind: 'rewrite', host: 'inner', path: { kind: 'prefix', prefix: '/v1', replacement: '/' } },
      ],
    })
    await using proxy = await TestProxy.start({
      entries: [entry({ path: { kind: 'prefix', path: '/v1' } }, filtered)],
      clusters: { 'test/back': [back.port] },
    })
    const text = await exchange(proxy.port, 'GET /v1/x?q HTTP/1.1\r\nHost: a\r\nX-Gone: 1\r\n\r\n', answered)
    assert.match(text, /x-answer: a\r\n/iu)
    const sent = back.received[0] ?? ''
    assert.match(sent, /^GET \/x\?q HTTP\/1\.1\r\nhost: inner\r\n/iu)
    assert.match(sent, /x-rule: r\r\n/iu)
    assert.match(sent, /x-backend: b\r\n/iu)
    assert.doesNotMatch(sent, /x-gone/iu)
  })

  it('counts what could not be read, by why', async () => {
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: {} })
    for (const head of ['GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n'])
      for (let i = 0; i < 2; i++) await exchange(proxy.port, head)
    const counted: unknown[] = []
    for await (const { shape, texts, values } of proxy.worker.metrics())
      if (shape.name === 'tulle_requests_unread') counted.push(...texts, ...values)
    assert.deepEqual(counted, ['reason="missing or malformed Host"', 'reason="malformed field name"', 2, 2])
  })

  it('drains: requests under way finish, connections then close', async () => {
    const asked = Promise.withResolvers<() => void>()
    await using back = await RawBackend.listen((_text, socket) => asked.resolve(() => socket.write(okAnswer)))
    await using proxy = await TestProxy.start({ entries: toBackend, clusters: { 'test/back': [back.port] } })
    const answer = exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const finish = await asked.promise
    const drained = proxy.worker.drain(10_000)
    finish()
    assert.match(await answer, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/u)
    assert.equal(await drained, 0)
  })
})
