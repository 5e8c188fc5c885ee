import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LatencyHistogram } from '@tulle/runtime'
import type { EdgeLine } from '@tulle/waypoint'
import { createStyle } from '../output/style.ts'
import { EdgeWindow, topTable } from './top-edges.ts'

const reader = 'spiffe://td/ns/shop/sa/reader'
const books = 'shop/books.shop.svc.cluster.local'

function line(parts: {
  source?: string
  times?: readonly number[]
  failures?: number
  refusals?: number
}): EdgeLine {
  const { source = reader, times = [1], failures = 0, refusals = 0 } = parts
  const histogram = new LatencyHistogram()
  for (const ms of times) histogram.add(ms)
  const latencies = histogram.counts()
  const edge = { source, service: books, requests: times.length, failures, refusals, latencies }
  return { intervalMs: 1000, edges: [edge], others: 0 }
}

describe('EdgeWindow', () => {
  it('adds up seconds and waypoints, and forgets what is older than the window', () => {
    const window = new EdgeWindow(2000)
    window.add('a', line({ times: Array.from({ length: 1000 }, () => 500) }))
    window.add('a', line({ times: [1, 1, 1, 1] }))
    window.add('a', line({ times: [1, 100], failures: 1 }))
    window.add('b', line({ times: [1, 1], refusals: 1 }))
    window.add('b', line({ times: [] }))
    assert.equal(window.spanMs, 2000)
    const [row, ...more] = window.rows()
    assert.deepEqual(more, [])
    assert.equal(row?.requestsPerSecond, 4)
    assert.equal(row.refusedPerSecond, 0.5)
    assert.equal(row.successRate, 1 - 1 / 7)
    assert.ok(Math.abs(row.p50Ms - 1) < 0.05 && Math.abs(row.p99Ms - 100) < 4, JSON.stringify(row))
  })

  it('has the busiest edge first, and no rate of success where all was refused', () => {
    const window = new EdgeWindow(1000)
    window.add('a', line({ times: [1], refusals: 1 }))
    window.add('b', { ...line({ source: '10.0.0.1', times: [1, 1] }), others: 7 })
    assert.equal(window.othersPerSecond, 7)
    assert.deepEqual(
      window.rows().map(({ source, successRate }) => [source, successRate]),
      [
        ['10.0.0.1', 1],
        [reader, undefined],
      ],
    )
  })
})

describe('topTable()', () => {
  it('has a line for each edge, and never rounds up to no failures', () => {
    const row = {
      source: reader,
      service: books,
      requestsPerSecond: 1234.56,
      successRate: 0.999_99,
      refusedPerSecond: 0,
      p50Ms: 0.5,
      p95Ms: 12.3,
      p99Ms: 40,
    }
    assert.equal(
      topTable([row], createStyle(false)),
      [
        'FROM         TO          RPS     SUCCESS  REFUSED/S  P50      P95    P99',
        'shop/reader  shop/books  1234.6  99.99 %  -          0.50 ms  12 ms  40 ms',
      ].join('\n'),
    )
  })
})
