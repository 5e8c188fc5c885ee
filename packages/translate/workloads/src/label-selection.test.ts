import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelTopics, selects, selectorTopic } from './label-selection.ts'

test('selects() wants every label, and picks nothing where it names none', () => {
  const labels = { app: 'books', tier: 'web' }
  assert.equal(selects({ app: 'books' }, labels), true)
  assert.equal(selects({ app: 'books', tier: 'db' }, labels), false)
  assert.equal(selects({ app: 'books', zone: 'a' }, labels), false)
  assert.equal(selects({}, labels), false)
})

test('selects() is not misled by what every object inherits', () => {
  assert.equal(selects({ constructor: 'Object' }, {}), false)
  assert.equal(selects({ toString: '' }, { app: 'books' }), false)
})

test('selectorTopic() is among the topics of whatever the selector picks', () => {
  const labels = { app: 'books', tier: 'web' }
  for (const selector of [{ app: 'books' }, { tier: 'web', app: 'books' }]) {
    const topic = selectorTopic('shop', selector)
    assert.ok(topic !== undefined && labelTopics('shop', labels).includes(topic))
    assert.ok(!labelTopics('bank', labels).includes(topic))
  }
  assert.equal(selectorTopic('shop', {}), undefined)
})
