import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestClock } from '@tulle/core'
import { LatencyHistogram } from '@tulle/runtime'
import { EdgeMeters, maxMeters } from './edge-meter.ts'
import { record } from './test-records.ts'

describe('EdgeMeters', () => {
  it('counts by client and by who answers, anew for each interval', async () => {
    const clock = new TestClock()
    const meters = new EdgeMeters(clock)
    meters.onDone(record())
    const lines = meters.open(1000, new AbortController().signal)
    assert.ok(lines)
    const first = lines.next()
    for (const durationMs of [1, 2, 40]) meters.onDone(record({ durationMs }))
    meters.onDone(record({ status: 503 }))
    meters.onDone(record({ status: 200, grpcStatus: '14' }))
    meters.onDone(record({ status: 0 }))
    meters.onDone(record({ status: 403, allowed: false }))
    meters.onDone(record({ account: 'other', backend: 'shop/books-v2.shop.svc.cluster.local' }))
    await clock.advance(1000)
    const { value } = await first
    assert.equal(value?.intervalMs, 1000)
    const shown = value?.edges.map(({ latencies, ...edge }) => ({
      ...edge,
      counted: LatencyHistogram.of(latencies).total,
    }))
    assert.deepEqual(shown, [
      {
        source: 'spiffe://td/ns/shop/sa/reader',
        service: 'shop/books.shop.svc.cluster.local',
        requests: 7,
        failures: 2,
        refusals: 1,
        counted: 7,
      },
      {
        source: 'spiffe://td/ns/shop/sa/other',
        service: 'shop/books-v2.shop.svc.cluster.local',
        requests: 1,
        failures: 0,
        refusals: 0,
        counted: 1,
      },
    ])
    const second = lines.next()
    await clock.advance(1000)
    assert.deepEqual((await second).value?.edges, [])
    await lines.return()
    assert.equal(meters.readers, 0)
  })

  it('counts a bounded number of edges apart, and the rest together', async () => {
    const clock = new TestClock()
    const meters = new EdgeMeters(clock)
    const lines = meters.open(1000, new AbortController().signal)
    const line = lines?.next()
    for (let i = 0; i < 1500; i++) meters.onDone(record({ account: `a${i}` }))
    await clock.advance(1000)
    const { value } = (await line) ?? {}
    assert.deepEqual([value?.edges.length, value?.others], [1000, 500])
    await lines?.return()
  })

  it('lets a bounded number look, and ends with its signal', async () => {
    const meters = new EdgeMeters(new TestClock())
    const stop = new AbortController()
    const lines = Array.from({ length: maxMeters }, () => meters.open(1000, stop.signal))
    assert.equal(meters.open(1000, stop.signal), undefined)
    const waiting = lines[0]?.next()
    stop.abort()
    assert.deepEqual(await waiting, { value: undefined, done: true })
    assert.equal(meters.readers, 0)
  })
})
