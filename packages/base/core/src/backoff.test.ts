import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from './backoff.ts'
import { jitter, seededRng } from './rng.ts'

test('Backoff.nextMs doubles from the first to the greatest pause', () => {
  const backoff = new Backoff({ firstMs: 10, maxMs: 100 }, { next: () => 0 })
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map(() => backoff.nextMs()),
    [10, 20, 40, 80, 100, 100],
  )
})

test('Backoff.nextMs is shortened by up to a half', () => {
  const rng = seededRng(1)
  for (let i = 0; i < 1000; i++) {
    const pauseMs = new Backoff({ firstMs: 10, maxMs: 100 }, rng).nextMs()
    assert.ok(pauseMs > 5 && pauseMs <= 10, `${pauseMs}`)
  }
})

test('Backoff.reset starts again, and no number of tries overflows', () => {
  const backoff = new Backoff({ firstMs: 10, maxMs: 15_000 }, { next: () => 0 })
  for (let i = 0; i < 10_000; i++) assert.ok(backoff.nextMs() <= 15_000)
  backoff.reset()
  assert.equal(backoff.nextMs(), 10)
})

test('seededRng repeats itself, stays in [0, 1) and spreads', () => {
  const [a, b] = [seededRng(42), seededRng(42)]
  let sum = 0
  for (let i = 0; i < 10_000; i++) {
    const value = a.next()
    assert.equal(value, b.next())
    assert.ok(value >= 0 && value < 1)
    sum += value
  }
  assert.ok(Math.abs(sum / 10_000 - 0.5) < 0.02)
  assert.notEqual(seededRng(1).next(), seededRng(2).next())
})

test('jitter moves a value by at most its share', () => {
  const rng = seededRng(3)
  for (let i = 0; i < 1000; i++) {
    const value = jitter(rng, 1000, 0.1)
    assert.ok(value >= 900 && value <= 1100, `${value}`)
  }
})
