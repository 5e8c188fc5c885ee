import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { RateLimit } from './rate-limit.ts'

test('RateLimit lets a burst through, then so many a second, each caller for itself', async () => {
  const clock = new TestClock()
  const limit = new RateLimit({ burst: 3, perSecond: 2, maxCallers: 10 }, clock)
  const takes = (caller: string): number => [1, 2, 3, 4, 5].filter(() => limit.take(caller)).length
  assert.equal(takes('a'), 3)
  assert.equal(takes('b'), 3)
  await clock.advance(1000)
  assert.equal(takes('a'), 2)
  await clock.advance(3_600_000)
  assert.equal(takes('a'), 3)
})

test('RateLimit forgets whom it has not seen for longest', () => {
  const limit = new RateLimit({ burst: 1, perSecond: 0, maxCallers: 2 }, new TestClock())
  assert.ok(limit.take('a') && limit.take('b'))
  assert.ok(!limit.take('a'))
  assert.ok(limit.take('c'))
  assert.ok(limit.take('b'), 'b was forgotten')
})
