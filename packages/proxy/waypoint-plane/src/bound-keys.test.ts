import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { BoundKeys } from './bound-keys.ts'

test('what is no longer bound is taken for a while, and what never was is not', async () => {
  const clock = new TestClock()
  const keys = new BoundKeys(clock)
  keys.add('books')
  keys.update(['books', 'ledger'], (key) => key === 'books')
  assert.deepEqual(
    [keys.has('books'), keys.wasLately('books'), keys.wasLately('ledger')],
    [true, false, false],
  )
  keys.update(['books', 'ledger'], () => false)
  assert.deepEqual(
    [keys.has('books'), keys.wasLately('books'), keys.wasLately('ledger')],
    [false, true, false],
  )
  await clock.advance(29_999)
  assert.equal(keys.wasLately('books'), true)
  await clock.advance(1)
  assert.equal(keys.wasLately('books'), false)
})

test('what is bound again is bound, and its time starts anew when it is not', async () => {
  const clock = new TestClock()
  const keys = new BoundKeys(clock)
  keys.add('books')
  keys.update(['books'], () => false)
  await clock.advance(20_000)
  keys.add('books')
  assert.deepEqual([keys.has('books'), keys.wasLately('books')], [true, false])
  keys.update(['books'], () => false)
  await clock.advance(20_000)
  assert.equal(keys.wasLately('books'), true)
})
