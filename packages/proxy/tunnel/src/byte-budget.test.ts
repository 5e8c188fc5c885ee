import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteBudget } from './byte-budget.ts'

test('ByteBudget grants what is left, and no less', () => {
  const budget = new ByteBudget(100)
  assert.equal(budget.take(60), true)
  assert.equal(budget.take(41), false)
  assert.equal(budget.take(40), true)
  budget.give(60)
  assert.equal(budget.takenBytes, 40)
})

test('one workload cannot take the whole budget of its thread, nor all of them together more than that', () => {
  const thread = new ByteBudget(100)
  const [first, second, third] = [1, 2, 3].map(() => new ByteBudget(60, thread))
  assert.equal(first?.take(61), false)
  assert.equal(first?.take(60), true)
  assert.equal(second?.take(41), false)
  assert.equal(second?.take(40), true)
  assert.equal(third?.take(1), false)
  assert.equal(thread.takenBytes, 100)
  first?.give(60)
  assert.equal(thread.takenBytes, 40)
  assert.equal(third?.take(60), true)
})

test('ByteBudget counts nothing on itself that the one around it refuses', () => {
  const own = new ByteBudget(100, new ByteBudget(10))
  assert.equal(own.take(20), false)
  assert.equal(own.takenBytes, 0)
})
