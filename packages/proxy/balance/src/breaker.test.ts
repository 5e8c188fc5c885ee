import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Breaker } from './breaker.ts'

test('Breaker refuses what is over a limit until something is given back, and counts it', () => {
  const breaker = new Breaker({ maxConnections: 1, maxRequests: 2, maxPending: 0 })
  assert.deepEqual(
    [breaker.requests.tryTake(), breaker.requests.tryTake(), breaker.requests.tryTake()],
    [true, true, false],
  )
  assert.equal(breaker.requests.refused, 1)
  breaker.requests.giveBack()
  assert.equal(breaker.requests.tryTake(), true)
  assert.equal(breaker.connections.tryTake(), true)
  assert.equal(breaker.connections.tryTake(), false)
  assert.equal(breaker.pending.tryTake(), false)
})

test('Breaker only counts where nothing is limited, and never below zero', () => {
  const { requests } = new Breaker()
  for (let count = 0; count < 10_000; count++) assert.equal(requests.tryTake(), true)
  assert.equal(requests.inUse, 10_000)
  const { pending } = new Breaker({ maxConnections: 1, maxRequests: 1, maxPending: 1 })
  pending.giveBack()
  assert.equal(pending.inUse, 0)
  assert.equal(pending.tryTake(), true)
  assert.equal(pending.tryTake(), false)
})
