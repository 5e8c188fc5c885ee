import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng, TestClock } from '@tulle/core'
import type { RetryRule } from '@tulle/traffic'
import fc from 'fast-check'
import { hedgeAfterMs } from './hedge.ts'
import { defaultRetryBudget, RetryBudget } from './retry-budget.ts'
import { backoffOf, wantsRepeat } from './retry-rule.ts'
import type { AttemptResult } from './retry-rule.ts'

const rule: RetryRule = {
  attempts: 2,
  backoffMs: 25,
  statusCodes: [502, 503],
  onConnectionError: true,
  onReset: false,
}

const wishes: readonly (readonly [rule: RetryRule | undefined, repeats: number, AttemptResult, boolean])[] = [
  [undefined, 0, { kind: 'connection' }, false],
  [rule, 0, { kind: 'status', status: 503 }, true],
  [rule, 1, { kind: 'status', status: 502 }, true],
  [rule, 2, { kind: 'status', status: 503 }, false],
  [rule, 0, { kind: 'status', status: 500 }, false],
  [rule, 0, { kind: 'status', status: 200 }, false],
  [rule, 0, { kind: 'connection' }, true],
  [{ ...rule, onConnectionError: false }, 0, { kind: 'connection' }, false],
  [rule, 0, { kind: 'reset' }, false],
  [{ ...rule, onReset: true }, 0, { kind: 'reset' }, true],
  [rule, 0, { kind: 'timeout' }, false],
  [{ ...rule, statusCodes: [504] }, 0, { kind: 'timeout' }, true],
  [{ ...rule, attempts: 0 }, 0, { kind: 'connection' }, false],
]

for (const [given, repeats, result, expected] of wishes) {
  test(`wantsRepeat() is ${expected} after ${repeats} repeats and ${JSON.stringify(result)} of ${JSON.stringify(given)}`, () => {
    assert.equal(wantsRepeat(given, repeats, result), expected)
  })
}

test('backoffOf() waits at least the time of the rule, doubled each time up to ten times, and less than twice that', () => {
  const rng = seededRng(3)
  for (const [repeat, leastMs] of [
    [1, 25],
    [2, 50],
    [3, 100],
    [4, 200],
    [5, 250],
    [2000, 250],
  ] as const) {
    const waits = Array.from({ length: 200 }, () => backoffOf(rule, repeat, rng))
    assert.ok(Math.min(...waits) >= leastMs && Math.max(...waits) < 2 * leastMs)
    assert.ok(Math.max(...waits) - Math.min(...waits) > leastMs * 0.8, 'spread out')
  }
  assert.equal(backoffOf({ ...rule, backoffMs: 0 }, 1, rng), 0)
})

test('RetryBudget allows ten repeats a second where there are hardly any requests', async () => {
  const clock = new TestClock()
  const budget = new RetryBudget(defaultRetryBudget, clock)
  budget.request()
  assert.equal(takeAll(budget), 10)
  await clock.advance(2000)
  assert.equal(takeAll(budget), 10)
  assert.equal(budget.exhausted, 2)
})

test('RetryBudget allows 20 % of the requests of the last ten seconds where there are many', async () => {
  const clock = new TestClock()
  const budget = new RetryBudget(defaultRetryBudget, clock)
  for (let count = 0; count < 1000; count++) budget.request()
  assert.equal(takeAll(budget), 200)
  await clock.advance(20_000)
  assert.equal(takeAll(budget), 10)
})

test('RetryBudget counts a repeat for as long as it is within the second, and within the window', async () => {
  const clock = new TestClock()
  const budget = new RetryBudget({ percent: 20, windowMs: 10_000, minPerSecond: 5 }, clock)
  await clock.advance(49)
  assert.equal(takeAll(budget), 5)
  await clock.advance(951)
  assert.equal(takeAll(budget), 0)
  await clock.advance(100)
  assert.equal(takeAll(budget), 5)

  const later = new TestClock()
  const share = new RetryBudget({ percent: 20, windowMs: 10_000, minPerSecond: 0 }, later)
  for (let count = 0; count < 100; count++) share.request()
  await later.advance(499)
  assert.equal(takeAll(share), 20)
  await later.advance(9901)
  for (let count = 0; count < 50; count++) share.request()
  assert.equal(
    takeAll(share),
    0,
    'twenty repeats of the last ten seconds are more than a fifth of fifty requests',
  )
  await later.advance(200)
  assert.equal(takeAll(share), 10)
})

test('RetryBudget allows nothing where both parts are zero', () => {
  const budget = new RetryBudget({ percent: 0, windowMs: 1000, minPerSecond: 0 }, new TestClock())
  budget.request()
  assert.equal(budget.tryRepeat(), false)
})

test('RetryBudget allows repeats that come more seldom than once a second', async () => {
  for (const [minPerSecond, count, spanMs] of [
    [0.2, 1, 5000],
    [1 / 60, 1, 60_000],
    [1.5, 2, 1334],
  ] as const) {
    const clock = new TestClock()
    const budget = new RetryBudget({ percent: 0, windowMs: 10_000, minPerSecond }, clock)
    assert.equal(takeAll(budget), count)
    await clock.advance(spanMs * 0.9)
    assert.equal(takeAll(budget), 0)
    // The oldest slot of the count is a twentieth of it.
    await clock.advance(spanMs * 0.2)
    assert.equal(takeAll(budget), count)
  }
})

function takeAll(budget: RetryBudget): number {
  let taken = 0
  while (taken < 10_000 && budget.tryRepeat()) taken++
  return taken
}

const history = fc.array(
  fc.record({
    waitMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3000, noNaN: true }), fc.constant(60_000)),
    requests: fc.nat({ max: 40 }),
    repeats: fc.nat({ max: 20 }),
  }),
  { maxLength: 40 },
)

test('RetryBudget is never exceeded, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.nat({ max: 100 }),
      fc.nat({ max: 12 }),
      async (steps, percent, minPerSecond) => {
        const clock = new TestClock()
        const windowMs = 10_000
        const budget = new RetryBudget({ percent, windowMs, minPerSecond }, clock)
        const requests: number[] = []
        const repeats: number[] = []
        const within = (times: readonly number[], spanMs: number): number =>
          times.filter((timeMs) => timeMs > clock.monotonicMs() - spanMs).length
        for (const step of steps) {
          await clock.advance(step.waitMs)
          for (let count = 0; count < step.requests; count++) {
            budget.request()
            requests.push(clock.monotonicMs())
          }
          for (let count = 0; count < step.repeats; count++) {
            if (!budget.tryRepeat()) continue
            repeats.push(clock.monotonicMs())
            const isWithinShare = within(repeats, windowMs) <= (within(requests, windowMs) * percent) / 100
            assert.ok(isWithinShare || within(repeats, 1000) <= minPerSecond)
          }
        }
      },
    ),
    { numRuns: 300 },
  )
})

const hedging = { delayMs: 50, maxAttempts: 2 }
const hedges = [
  ['GET', 1, true, 50],
  ['HEAD', 1, true, 50],
  ['GET', 2, true, undefined],
  ['GET', 1, false, undefined],
  ['POST', 1, true, undefined],
  ['PUT', 1, true, undefined],
] as const

for (const [method, attempts, isRepeatable, expected] of hedges) {
  test(`hedgeAfterMs() of ${method} after ${attempts} attempts (repeatable: ${isRepeatable}) is ${expected}`, () => {
    assert.equal(hedgeAfterMs(hedging, { attempts, method, isRepeatable }), expected)
    assert.equal(hedgeAfterMs(undefined, { attempts, method, isRepeatable }), undefined)
  })
}
