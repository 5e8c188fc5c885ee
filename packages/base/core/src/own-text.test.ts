import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownText } from './own-text.ts'

test('ownText() is the same text, of whatever characters and length', () => {
  const whole = [
    '',
    'short',
    'a name of some length',
    'één naam van enige lengte',
    'имя некоторой длины',
    'x'.repeat(5000),
  ]
  for (const text of whole) assert.equal(ownText(`-${text}-`.slice(1, -1)), text)
})
