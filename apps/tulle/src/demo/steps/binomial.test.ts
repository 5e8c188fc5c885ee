import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPlausible } from './binomial.ts'

test('isPlausible() takes what chance brings about and nothing beyond', () => {
  for (const hits of [30, 50, 75]) assert.ok(isPlausible(hits, 200, 0.25), `${hits} of 200`)
  for (const hits of [0, 15, 90, 200]) assert.ok(!isPlausible(hits, 200, 0.25), `${hits} of 200`)
})

test('isPlausible() leaves nothing to chance at none and all', () => {
  assert.deepEqual(
    [isPlausible(0, 200, 0), isPlausible(1, 200, 0), isPlausible(200, 200, 1), isPlausible(199, 200, 1)],
    [true, false, true, false],
  )
})
