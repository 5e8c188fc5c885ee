import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { TestClock } from '@tulle/core'
import type { Resilience } from '@tulle/traffic'
import { backend, entry, rule, toBackend } from '../routing/test-requests.ts'
import { answered, answering, exchange, okAnswer, RawBackend, TestProxy } from './test-proxy.ts'

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const bad = 'HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n'
const always = { numerator: 1, denominator: 1 }
const retry = { attempts: 3, backoffMs: 0, statusCodes: [503], onConnectionError: true, onReset: true }

const fault = { abort: { status: 418, fraction: always } }
const rate = { requestsPerSecond: 0.01, burst: 4, per: 'service' } as const
const hasHead = (text: string): boolean => text.includes('\r\n\r\n')

function statusOf(text: string): string {
  return text.slice(9, 12)
}

describe('resilience', () => {
  it('repeats no more than the budget has, and then answers 503', async () => {
    await using back = await RawBackend.listen(
      answering('HTTP/1.1 503 Own\r\nx-own: 1\r\ncontent-length: 0\r\n\r\n'),
    )
    const resilience: Resilience = { retryBudget: { percent: 0, windowMs: 10_000, minPerSecond: 0 } }
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('back', { retry }))],
      clusters: { 'test/back': [back.port] },
      resilience,
    })
    const text = await exchange(proxy.port, get, (all) => all.includes('too many repeats'))
    assert.equal(statusOf(text), '503')
    assert.doesNotMatch(text, /x-own/u)
    assert.equal(back.received.join('').split('GET ').length - 1, 1)
  })

  it('gives up after the repeats of the rule, with the last answer', async () => {
    await using back = await RawBackend.listen(answering(bad))
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('back', { retry }))],
      clusters: { 'test/back': [back.port] },
    })
    assert.match(await exchange(proxy.port, get, answered), /^HTTP\/1\.1 503 /u)
    assert.equal(back.received.join('').split('GET ').length - 1, 4)
  })

  it('refuses at once what is beyond the limit of requests', async () => {
    const asked = Promise.withResolvers<void>()
    await using back = await RawBackend.listen(() => asked.resolve())
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      resilience: { limits: { maxConnections: 100, maxRequests: 1, maxPending: 100 } },
    })
    const first = exchange(proxy.port, get, answered)
    await asked.promise
    const text = await exchange(proxy.port, get, (all) => all.includes('too many connections'))
    assert.equal(statusOf(text), '503')
    for (const socket of back.sockets) socket.end(okAnswer)
    assert.equal(statusOf(await first), '200')
  })

  it('answers 429 beyond the rate, and says when to come again', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      resilience: { rateLimit: { requestsPerSecond: 0.01, burst: 2, per: 'service' } },
    })
    const statuses: string[] = []
    for (let i = 0; i < 3; i++)
      statuses.push(
        await exchange(proxy.port, get, (all) => answered(all) || all.includes('too many requests')),
      )
    assert.deepEqual(statuses.map(statusOf), ['200', '200', '429'])
    assert.match(statuses[2] ?? '', /retry-after: \d+\r\n/u)
  })

  it('lets through its share where it is one of several workers', async () => {
    const asked = Promise.withResolvers<void>()
    await using back = await RawBackend.listen(() => asked.resolve())
    await using proxy = await TestProxy.start({
      workers: 2,
      entries: [
        entry(
          { path: { kind: 'exact', path: '/none' } },
          rule('none', { resilience: { rateLimit: rate, fault } }),
        ),
        entry({}, rule('back')),
      ],
      clusters: { 'test/back': [back.port], 'test/none': [1] },
      resilience: { limits: { maxConnections: 100, maxRequests: 2, maxPending: 100 } },
    })
    const ask = async (path: string): Promise<string> =>
      statusOf(await exchange(proxy.port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, hasHead))
    assert.deepEqual([await ask('/none'), await ask('/none'), await ask('/none')], ['418', '418', '429'])
    const first = ask('/')
    await asked.promise
    assert.equal(await ask('/'), '503')
    for (const socket of back.sockets) socket.end(okAnswer)
    assert.equal(await first, '200')
  })

  it('injects the faults of a rule', async () => {
    await using proxy = await TestProxy.start({
      entries: [
        entry(
          {},
          rule('back', {
            resilience: {
              fault: { delay: { ms: 1, fraction: always }, abort: { status: 418, fraction: always } },
            },
          }),
        ),
      ],
      clusters: { 'test/back': [1] },
    })
    const text = await exchange(proxy.port, get, (all) => all.includes('fault injected'))
    assert.equal(statusOf(text), '418')
  })

  it('answers 504 when the request takes longer than it may, and leaves the endpoint', async () => {
    const asked = Promise.withResolvers<Socket>()
    await using back = await RawBackend.listen((_text, socket) => asked.resolve(socket))
    const clock = new TestClock()
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('back', { requestTimeoutMs: 20 }))],
      clusters: { 'test/back': [back.port] },
      clock,
    })
    const answer = exchange(proxy.port, get, (all) => all.includes('no answer in time'))
    const closed = once(await asked.promise, 'close')
    await clock.advance(20)
    assert.equal(statusOf(await answer), '504')
    await closed
  })

  it('tries another endpoint when one attempt takes too long and 504 is to be repeated', async () => {
    const asked = Promise.withResolvers<void>()
    await using silent = await RawBackend.listen(() => asked.resolve())
    await using back = await RawBackend.listen(answering(okAnswer))
    const clock = new TestClock()
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('back', { attemptTimeoutMs: 20, retry: { ...retry, statusCodes: [504] } }))],
      clusters: { 'test/back': [silent.port, back.port] },
      clock,
    })
    const answer = exchange(proxy.port, get, answered)
    await asked.promise
    await clock.advance(20)
    assert.equal(statusOf(await answer), '200')
  })

  it('mirrors a request with its body, and forgets the answer', async () => {
    const copied = Promise.withResolvers<string>()
    await using shadow = await RawBackend.listen((text, socket) => {
      if (!text.endsWith('body')) return
      socket.write(bad)
      copied.resolve(text)
    })
    await using back = await RawBackend.listen((text, socket) => {
      if (text.endsWith('body')) socket.write(okAnswer)
    })
    const mirror = { kind: 'mirror', backend: backend('shadow').backend, fraction: always } as const
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('back', { filters: [mirror] }))],
      clusters: { 'test/back': [back.port], 'test/shadow': [shadow.port] },
    })
    const text = await exchange(
      proxy.port,
      'POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody',
      answered,
    )
    assert.equal(statusOf(text), '200')
    assert.match(await copied.promise, /^POST \/m HTTP\/1\.1\r\n/u)
  })

  it('answers the share of what may not be used with its status', async () => {
    const invalid = {
      backend: { kind: 'invalid', status: 500, reason: 'not found' },
      weight: 1,
      filters: [],
    } as const
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('none', { backends: [invalid] }))],
      clusters: {},
    })
    const text = await exchange(proxy.port, get, (all) => all.includes('not usable'))
    assert.equal(statusOf(text), '500')
  })

  it('sends a request again whose kept connection was closed under it', async () => {
    let count = 0
    await using back = await RawBackend.listen((_text, socket) => {
      // The first connection answers once, and closes when it is asked again.
      if (count++ === 1) socket.destroy()
      else socket.write(okAnswer)
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
    })
    assert.equal(statusOf(await exchange(proxy.port, get, answered)), '200')
    assert.equal(statusOf(await exchange(proxy.port, get, answered)), '200')
    assert.equal(count, 3)
  })

  it('case 24: never sends again what may have been acted upon', async () => {
    let count = 0
    await using back = await RawBackend.listen((_text, socket) => {
      if (count++ === 1) socket.destroy()
      else socket.write(okAnswer)
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
    })
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
    assert.equal(statusOf(await exchange(proxy.port, post, answered)), '200')
    assert.equal(statusOf(await exchange(proxy.port, post, (all) => all.includes('broke off'))), '503')
    assert.equal(count, 2)
  })
})
