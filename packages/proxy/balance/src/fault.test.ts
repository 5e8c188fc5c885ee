import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '@tulle/core'
import { faultOf, hits } from './fault.ts'

const always = { numerator: 1, denominator: 1 }
const never = { numerator: 0, denominator: 100 }
const draws = 20_000

test('faultOf() does nothing where nothing is said', () => {
  assert.deepEqual(faultOf(undefined, seededRng(1)), { delayMs: 0, abortStatus: undefined })
  assert.deepEqual(faultOf({}, seededRng(1)), { delayMs: 0, abortStatus: undefined })
})

test('faultOf() delays, aborts, or both', () => {
  const rng = seededRng(1)
  const delay = { ms: 50, fraction: always }
  const abort = { status: 503, fraction: always }
  assert.deepEqual(faultOf({ delay }, rng), { delayMs: 50, abortStatus: undefined })
  assert.deepEqual(faultOf({ abort }, rng), { delayMs: 0, abortStatus: 503 })
  assert.deepEqual(faultOf({ delay, abort }, rng), { delayMs: 50, abortStatus: 503 })
  assert.deepEqual(faultOf({ delay: { ms: 50, fraction: never }, abort }, rng), {
    delayMs: 0,
    abortStatus: 503,
  })
})

for (const [numerator, denominator] of [
  [1, 10],
  [250, 1000],
  [99, 100],
] as const) {
  test(`hits() is true for ${numerator} of ${denominator}`, () => {
    const rng = seededRng(5)
    const share = numerator / denominator
    const found = Array.from({ length: draws }, () => hits({ numerator, denominator }, rng)).filter(
      Boolean,
    ).length
    assert.ok(Math.abs(found - draws * share) <= 5 * Math.sqrt(draws * share * (1 - share)))
  })
}

test('hits() takes a fraction of nothing for never', () => {
  assert.equal(hits({ numerator: 0, denominator: 0 }, seededRng(1)), false)
})
