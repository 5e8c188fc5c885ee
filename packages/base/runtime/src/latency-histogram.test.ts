import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LatencyHistogram } from './latency-histogram.ts'

describe('LatencyHistogram', () => {
  it('gives quantiles within a 32nd, over everything that requests take', () => {
    for (const scale of [0.05, 1, 40, 3000]) {
      const histogram = new LatencyHistogram()
      for (let i = 1; i <= 1000; i++) histogram.add((i / 1000) * scale)
      for (const share of [0.5, 0.95, 0.99, 1]) {
        const found = histogram.quantile(share) ?? Number.NaN
        assert.ok(Math.abs(found / (share * scale) - 1) < 1 / 30, `${share} of ${scale}: ${found}`)
      }
    }
  })

  it('adds up as if all had been counted in one', () => {
    const [one, other, both] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()]
    for (let i = 0; i < 100; i++) {
      ;(i % 3 === 0 ? one : other).add(i)
      both.add(i)
    }
    const sum = LatencyHistogram.of(one.counts())
    sum.addCounts(other.counts())
    assert.deepEqual(sum.counts(), both.counts())
    assert.equal(sum.total, 100)
  })

  it('takes whatever a clock says, and keeps a bounded number of buckets', () => {
    const histogram = new LatencyHistogram()
    for (const ms of [0, -1, Number.NaN, 1e-9, 1e15, Number.POSITIVE_INFINITY]) histogram.add(ms)
    assert.deepEqual(
      histogram.counts().map(([, count]) => count),
      [4, 2],
    )
    assert.equal(histogram.quantile(0.1), 0)
  })

  it('has no quantile of nothing', () => assert.equal(new LatencyHistogram().quantile(0.5), undefined))
})
