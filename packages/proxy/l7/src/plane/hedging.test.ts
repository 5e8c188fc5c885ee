import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { TestClock } from '@tulle/core'
import type { Resilience } from '@tulle/traffic'
import { entry, rule, toBackend } from '../routing/test-requests.ts'
import { answered, answering, exchange, okAnswer, RawBackend, TestProxy } from './test-proxy.ts'

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const hedging = { delayMs: 20, maxAttempts: 2 }
const silent = (): void => undefined

function statusOf(text: string): string {
  return text.slice(9, 12)
}

function start(ports: readonly number[], resilience: Resilience): Promise<TestProxy> {
  return TestProxy.start({
    entries: toBackend,
    clusters: { 'test/back': ports },
    resilience,
  })
}

describe('hedging', () => {
  it('asks another endpoint when no answer began in time, and closes the connection to the slow one', async () => {
    await using slow = await RawBackend.listen(silent)
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await start([slow.port, back.port], { hedging })
    const asked = exchange(proxy.port, get, answered)
    assert.equal(statusOf(await asked), '200')
    const [socket] = slow.sockets
    if (socket !== undefined) await once(socket, 'close')
    assert.equal(slow.received.length, 1)
    await proxy.worker.flushLog()
    const line: unknown = JSON.parse(proxy.logged.join(''))
    assert.ok(typeof line === 'object' && line !== null)
    const { attempts, reason, dst, status } = line as Record<string, unknown>
    assert.deepEqual(
      { attempts, reason, dst, status },
      { attempts: 2, reason: 'hedged', dst: `127.0.0.1:${back.port}`, status: 200 },
    )
  })

  it('takes the answer of the first when that comes after all, and gives the other up', async () => {
    let first: Socket | undefined
    await using slow = await RawBackend.listen((_text, socket) => {
      first = socket
    })
    await using other = await RawBackend.listen(() => first?.write(okAnswer))
    await using proxy = await start([slow.port, other.port], { hedging })
    assert.equal(statusOf(await exchange(proxy.port, get, answered)), '200')
    const [socket] = other.sockets
    if (socket !== undefined) await once(socket, 'close')
    assert.equal(other.received.length, 1)
  })

  it('goes on with the other when the first fails meanwhile, and repeats only when both have', async () => {
    let first: Socket | undefined
    let asked = 0
    await using failing = await RawBackend.listen((_text, socket) => {
      first = socket
    })
    await using back = await RawBackend.listen((_text, socket) => {
      asked++
      first?.destroy()
      first?.once('close', () => socket.write(okAnswer))
    })
    await using proxy = await start([failing.port, back.port], { hedging })
    assert.equal(statusOf(await exchange(proxy.port, get, answered)), '200')
    assert.deepEqual([failing.received.length, asked], [1, 1])
  })

  it('drops an answer that is to be repeated while the other may still be better', async () => {
    let first: Socket | undefined
    await using failing = await RawBackend.listen((_text, socket) => {
      first = socket
    })
    await using back = await RawBackend.listen((_text, socket) => {
      first?.once('close', () => socket.write(okAnswer))
      first?.write('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n')
    })
    const retry = { attempts: 1, backoffMs: 0, statusCodes: [503], onConnectionError: true, onReset: true }
    await using proxy = await start([failing.port, back.port], { hedging, retry })
    assert.equal(statusOf(await exchange(proxy.port, get, answered)), '200')
    assert.equal(back.received.length, 1)
  })

  it('never asks twice what is not safe, what the budget does not have, or where there is no other endpoint', async () => {
    const none = { percent: 0, windowMs: 10_000, minPerSecond: 0 }
    const cases: readonly (readonly [string, Resilience, number])[] = [
      ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n', { hedging }, 2],
      ['PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok', { hedging }, 2],
      ['GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n', { hedging }, 2],
      [get, { hedging, retryBudget: none }, 2],
      [get, { hedging }, 1],
    ]
    for (const [request, resilience, count] of cases) {
      const asked = Promise.withResolvers<Socket>()
      await using first = await RawBackend.listen((_text, socket) => asked.resolve(socket))
      await using second = await RawBackend.listen(answering(okAnswer))
      const clock = new TestClock()
      await using proxy = await TestProxy.start({
        entries: [entry({}, rule('back', { requestTimeoutMs: 120 }))],
        clusters: { 'test/back': [first.port, second.port].slice(0, count) },
        resilience,
        clock,
      })
      const answer = exchange(proxy.port, request, (all) => all.includes('no answer in time'))
      await asked.promise
      // The time of the whole request is far more than the hedge would need.
      await clock.advance(120)
      assert.equal(statusOf(await answer), '504', request)
      assert.deepEqual([first.received.length, second.received.length], [1, 0], request)
    }
  })

  it('sends a small body that came whole to both', async () => {
    await using slow = await RawBackend.listen(silent)
    await using back = await RawBackend.listen((text, socket) => {
      if (text.endsWith('body')) socket.write(okAnswer)
    })
    await using proxy = await start([slow.port, back.port], { hedging })
    const request = 'GET /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody'
    assert.equal(statusOf(await exchange(proxy.port, request, answered)), '200')
    assert.match(slow.received[0] ?? '', /\r\n\r\nbody$/u)
  })

  it('gives both up when the client leaves', async () => {
    const both = Promise.withResolvers<void>()
    await using first = await RawBackend.listen(silent)
    await using second = await RawBackend.listen(() => both.resolve())
    await using proxy = await start([first.port, second.port], { hedging })
    const asked = exchange(proxy.port, get, () => false)
    await both.promise
    const sockets = [...first.sockets, ...second.sockets]
    assert.equal(sockets.length, 2)
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')))
    await proxy.worker.close()
    await asked
    await closed
  })
})

describe('requests that wait for a connection', () => {
  const limits = (maxPending: number): Resilience => ({
    limits: { maxConnections: 100, maxRequests: 100, maxPending },
  })

  it('are refused beyond their limit, with a reason', async () => {
    for (const upstream of ['http1', 'http2'] as const) {
      await using back = await RawBackend.listen(answering(okAnswer))
      await using proxy = await TestProxy.start({
        entries: toBackend,
        clusters: { 'test/back': [back.port] },
        resilience: limits(0),
        upstream,
      })
      const text = await exchange(proxy.port, get, (all) => all.includes('wait for a connection'))
      assert.equal(statusOf(text), '503')
      assert.equal(back.received.length, 0)
      await proxy.worker.flushLog()
      assert.match(proxy.logged.join(''), /"flags":"UO","reason":"pending_full"/u)
    }
  })

  it('give their place back when the connection is made, and when it cannot be', async () => {
    await using back = await RawBackend.listen(answering(okAnswer))
    await using proxy = await start([back.port], limits(1))
    for (let i = 0; i < 3; i++) {
      const closing = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
      assert.equal(statusOf(await exchange(proxy.port, closing, answered)), '200')
      for (const socket of back.sockets) socket.destroy()
    }
    await using nobody = await start([1], limits(1))
    for (let i = 0; i < 3; i++) {
      const text = await exchange(nobody.port, get, (all) => all.includes('no connection to the endpoint'))
      assert.equal(statusOf(text), '503')
    }
  })
})
