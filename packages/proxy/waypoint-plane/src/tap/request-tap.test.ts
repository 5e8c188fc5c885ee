import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { must, TestClock } from '@tulle/core'
import { maxTaps, RequestTap } from './request-tap.ts'
import { readTapFilter, tapTest } from './tap-filter.ts'
import type { TapLine } from './tap-lines.ts'
import { tappedRequest } from './tapped-request.ts'
import { record } from './test-records.ts'
import type { RecordParts } from './test-records.ts'

const all = tapTest({})

function open(tap: RequestTap, maxPerSecond: number, signal: AbortSignal): AsyncGenerator<TapLine, void> {
  const batches = tap.open({ test: all, maxPerSecond }, signal)
  assert.ok(batches)
  return linesOf(batches)
}

async function* linesOf(batches: AsyncIterable<readonly TapLine[]>): AsyncGenerator<TapLine, void> {
  for await (const batch of batches) yield* batch
}

async function next(lines: AsyncGenerator<TapLine, void>): Promise<unknown> {
  const { value } = await lines.next()
  if (value === undefined) return undefined
  return 'dropped' in value ? value : value.path
}

describe('RequestTap', () => {
  it('passes on what comes while somebody looks, and forgets it else', async () => {
    const tap = new RequestTap(new TestClock())
    const stop = new AbortController()
    tap.onDone(record({ path: '/before' }))
    const lines = open(tap, 10, stop.signal)
    tap.onDone(record({ path: '/a' }))
    tap.onDone(record({ path: '/b' }))
    assert.equal(await next(lines), '/a')
    assert.equal(await next(lines), '/b')
    const waiting = next(lines)
    tap.onDone(record({ path: '/c' }))
    assert.equal(await waiting, '/c')
    const last = next(lines)
    stop.abort()
    assert.equal(await last, undefined)
    assert.equal(tap.readers, 0)
  })

  it('takes a number of requests a second and says how many it left out, with or without another after them', async () => {
    const clock = new TestClock()
    const tap = new RequestTap(clock)
    const lines = open(tap, 2, new AbortController().signal)
    for (let i = 0; i < 5; i++) tap.onDone(record({ path: `/${i}` }))
    assert.deepEqual([await next(lines), await next(lines), await next(lines)], ['/0', '/1', { dropped: 3 }])
    tap.onDone(record({ path: '/same-second' }))
    const waiting = next(lines)
    await clock.advance(1000)
    assert.deepEqual(await waiting, { dropped: 1 })
    tap.onDone(record({ path: '/next-second' }))
    assert.equal(await next(lines), '/next-second')
    await lines.return()
  })

  it('keeps no more than a bounded number for a slow reader', async () => {
    const tap = new RequestTap(new TestClock())
    const lines = open(tap, 1_000_000, new AbortController().signal)
    for (let i = 0; i < 5000; i++) tap.onDone(record())
    let seen = 0
    for await (const line of lines) {
      if ('dropped' in line) {
        assert.deepEqual([seen, line.dropped], [1000, 4000])
        break
      }
      seen++
    }
    assert.equal(tap.readers, 0)
  })

  it('lets a bounded number look, and one that was aborted is gone before it has read anything', () => {
    const tap = new RequestTap(new TestClock())
    const stop = new AbortController()
    for (let i = 0; i < maxTaps; i++) open(tap, 1, stop.signal)
    assert.equal(tap.open({ test: all, maxPerSecond: 1 }, stop.signal), undefined)
    stop.abort()
    assert.equal(tap.readers, 0)
    open(tap, 1, stop.signal)
    assert.equal(tap.readers, 0)
  })

  it('leaves out the query and whatever is not there', () => {
    const { path, ...rest } = tappedRequest(record({ path: '/p'.repeat(2000) }), 0)
    assert.equal(path.length, 2048)
    assert.deepEqual(rest, {
      time: '1970-01-01T00:00:00.000Z',
      identity: 'spiffe://td/ns/shop/sa/reader',
      address: '10.77.1.2:40000',
      method: 'GET',
      host: 'books.shop',
      version: '1.1',
      service: 'shop/books.shop.svc.cluster.local',
      endpoint: '10.77.1.3:8080',
      status: 200,
      durationMs: 1.25,
      attempts: 1,
      requestBytes: 0,
      responseBytes: 12,
      verdict: 'allowed',
      flags: '-',
    })
  })
})

describe('readTapFilter()', () => {
  const matches = (query: string, parts: RecordParts = {}): boolean =>
    tapTest(must(readTapFilter(new URLSearchParams(query))))(record(parts))

  for (const [query, parts] of [
    ['', {}],
    ['from=shop/reader', {}],
    ['from=reader', {}],
    ['from=spiffe://td/ns/shop/sa/reader', {}],
    ['from=10.77.1.2', {}],
    ['to=books', {}],
    ['to=shop/books', {}],
    ['to=books.shop', {}],
    ['to=books.shop.svc.cluster.local', {}],
    ['to=10.77.1.3:8080', {}],
    ['to=books-v2', { backend: 'shop/books-v2.shop.svc.cluster.local' }],
    ['from=10.77.1.2:40000', {}],
    ['method=post', { method: 'POST' }],
    ['path=/books/', {}],
    ['path=/', {}],
    ['status=503', { status: 503 }],
    ['status=5xx', { status: 503 }],
    ['status=0xx', { status: 0 }],
    ['verdict=refused', { allowed: false, status: 403 }],
    ['verdict=failed', { status: 503, flag: 'UF' }],
    ['from=reader&to=books&method=GET&path=/books&status=2xx&verdict=allowed', {}],
  ] as const) {
    it(`${query || 'nothing'} takes ${JSON.stringify(parts)}`, () =>
      assert.equal(matches(query, parts), true))
  }

  for (const query of [
    'from=shop/read',
    'from=bank/reader',
    'to=book',
    'to=bank/books',
    'method=POST',
    'path=/book',
    'status=5xx',
    'verdict=refused',
    'from=reader&status=404',
  ]) {
    it(`${query} leaves out others`, () => assert.equal(matches(query), false))
  }

  for (const query of ['status=5', 'status=5XX', 'verdict=no', 'from=', `path=/${'x'.repeat(3000)}`]) {
    it(`refuses ${query.slice(0, 20)}`, () =>
      assert.equal(readTapFilter(new URLSearchParams(query)).ok, false))
  }
})
