import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import type { RateLimit } from '@tulle/traffic'
import fc from 'fast-check'
import { RateLimiter } from './rate-limiter.ts'

const perIdentity: RateLimit = { requestsPerSecond: 10, burst: 5, per: 'identity' }

function take(limiter: RateLimiter, identity: string, tries: number): number {
  return Array.from({ length: tries }, () => limiter.take(identity)).filter((waitMs) => waitMs === 0).length
}

test('RateLimiter lets a burst through, then the rate', async () => {
  const clock = new TestClock()
  const limiter = new RateLimiter(perIdentity, clock)
  assert.equal(take(limiter, 'a', 20), 5)
  assert.equal(limiter.take('a'), 100)
  await clock.advance(99)
  assert.equal(limiter.take('a'), 1)
  await clock.advance(1)
  assert.equal(take(limiter, 'a', 20), 1)
  await clock.advance(60_000)
  assert.equal(take(limiter, 'a', 20), 5)
})

test('RateLimiter gives each identity its own allowance: one that floods takes nothing from another', () => {
  const limiter = new RateLimiter(perIdentity, new TestClock())
  assert.equal(take(limiter, 'flood', 10_000), 5)
  assert.equal(take(limiter, 'quiet', 5), 5)
})

test('RateLimiter counts all callers of a service together where it is told so', () => {
  const limiter = new RateLimiter({ ...perIdentity, per: 'service' }, new TestClock())
  assert.equal(take(limiter, 'a', 3) + take(limiter, 'b', 3), 5)
  assert.equal(limiter.keys, 0)
})

test('RateLimiter lets nothing through at a rate of zero, and one at a time without a burst', async () => {
  const clock = new TestClock()
  const none = new RateLimiter({ requestsPerSecond: 0, burst: 5, per: 'identity' }, clock)
  assert.equal(none.take('a'), Infinity)
  const single = new RateLimiter({ requestsPerSecond: 10, burst: 0, per: 'identity' }, clock)
  assert.equal(take(single, 'a', 5), 1)
  await clock.advance(100)
  assert.equal(take(single, 'a', 5), 1)
})

test('RateLimiter remembers a bounded number of callers, and those it knows keep their allowance', async () => {
  const clock = new TestClock()
  const limiter = new RateLimiter(perIdentity, clock, 100)
  limiter.take('known')
  for (let index = 0; index < 5000; index++) {
    limiter.take(`caller-${index}`)
    assert.ok(limiter.keys <= 100)
  }
  assert.equal(take(limiter, 'known', 10), 4)
  assert.notEqual(limiter.take('one more'), 0, 'new ones share what is left')
  await clock.advance(60_000)
  assert.equal(take(limiter, 'one more', 10), 5)
  for (let index = 0; index < 100; index++) limiter.take(`later-${index}`)
  assert.ok(limiter.keys <= 100)
})

/** The textbook leaky bucket: the level falls with time, a request adds one, what would overflow is refused. */
class ReferenceBucket {
  readonly #limit: RateLimit
  #level: number = 0
  #atMs: number = 0

  constructor(limit: RateLimit) {
    this.#limit = limit
  }

  take(nowMs: number): boolean {
    this.#level = Math.max(0, this.#level - ((nowMs - this.#atMs) / 1000) * this.#limit.requestsPerSecond)
    this.#atMs = nowMs
    if (this.#level + 1 > this.#limit.burst + 1e-6) return false
    this.#level += 1
    return true
  }
}

test('RateLimiter decides as a leaky bucket for each identity does', async () => {
  const steps = fc.array(
    fc.record({ waitMs: fc.nat({ max: 400 }), identity: fc.constantFrom('a', 'b', 'c') }),
    { maxLength: 80 },
  )
  const limits = fc.record({
    requestsPerSecond: fc.constantFrom(1, 4, 10, 100, 1000),
    burst: fc.integer({ min: 1, max: 20 }),
  })
  await fc.assert(
    fc.asyncProperty(steps, limits, async (history, { requestsPerSecond, burst }) => {
      const clock = new TestClock()
      const limit: RateLimit = { requestsPerSecond, burst, per: 'identity' }
      const limiter = new RateLimiter(limit, clock)
      const buckets = new Map<string, ReferenceBucket>()
      for (const { waitMs, identity } of history) {
        await clock.advance(waitMs)
        const bucket = buckets.get(identity) ?? new ReferenceBucket(limit)
        buckets.set(identity, bucket)
        assert.equal(limiter.take(identity) < 1e-6, bucket.take(clock.monotonicMs()))
      }
    }),
    { numRuns: 200 },
  )
})
