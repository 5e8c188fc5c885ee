import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { linkedController } from './linked-abort.ts'

test('linkedController aborts with its parent, for the same reason', () => {
  const parent = new AbortController()
  using child = linkedController(parent.signal)
  assert.equal(child.signal.aborted, false)
  const reason = new Error('drain')
  parent.abort(reason)
  assert.equal(child.signal.reason, reason)
})

test('linkedController is aborted at once when its parent is', () => {
  using child = linkedController(AbortSignal.abort(new Error('gone')))
  assert.match(String(child.signal.reason), /gone/u)
})

test('linkedController.abort leaves its parent alone', () => {
  const parent = new AbortController()
  using child = linkedController(parent.signal)
  child.abort(new Error('own'))
  assert.deepEqual([child.signal.aborted, parent.signal.aborted], [true, false])
})

test('linkedController unlinks itself when disposed, so that thousands leave nothing behind', () => {
  const parent = new AbortController()
  for (let i = 0; i < 1000; i++) {
    using child = linkedController(parent.signal)
    child.signal.addEventListener('abort', () => assert.fail('disposed'))
  }
  assert.equal(getEventListeners(parent.signal, 'abort').length, 0)
  parent.abort()
})

test('linkedController works without a parent', () => {
  using child = linkedController(undefined)
  child.abort()
  assert.ok(child.signal.aborted)
})
