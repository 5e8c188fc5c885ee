import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '@tulle/core'
import { newTraceId } from './ids.ts'
import { isDrawn, thresholdOf } from './sampling.ts'

const head = '0af7651916cd43dd84'
const highest = `${head}ffffffffffffff`
const lowest = `${head}00000000000000`

test('all traces are drawn at a share of 1, none at 0', () => {
  for (const id of [highest, lowest]) {
    assert.equal(isDrawn(id, thresholdOf(1)), true)
    assert.equal(isDrawn(id, thresholdOf(0)), false)
  }
})

test('at a half, the middle is the least that is drawn', () => {
  const half = thresholdOf(0.5)
  assert.equal(isDrawn(`${head}80000000000000`, half), true)
  assert.equal(isDrawn(`${head}7fffffffffffff`, half), false)
})

test('about the share of random traces is drawn, and what a small share draws a greater one draws too', () => {
  const rng = seededRng(11)
  const ids = Array.from({ length: 20_000 }, () => newTraceId(rng))
  const [tenth, third] = [thresholdOf(0.1), thresholdOf(0.33)]
  const drawn = ids.filter((id) => isDrawn(id, tenth))
  assert.ok(Math.abs(drawn.length - 2000) < 200, `found ${drawn.length} of 20000`)
  assert.ok(drawn.every((id) => isDrawn(id, third)))
})

test('a share beyond its range is the nearest one in it', () => {
  assert.deepEqual(thresholdOf(7), thresholdOf(1))
  assert.deepEqual(thresholdOf(-1), thresholdOf(0))
})
