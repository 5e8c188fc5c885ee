import assert from 'node:assert/strict'
import { test } from 'node:test'
import { l4Rules } from './l4-rules.ts'
import type { ResolvedRule } from './resolve-rules.ts'

const rule = (
  protocol: ResolvedRule['protocol'],
  ports: ResolvedRule['ports'],
  index: number = 0,
): ResolvedRule => ({
  index,
  protocol,
  name: 'r',
  ports,
})

test('l4Rules() opens what TCP rules cover, each with its place', () => {
  assert.deepEqual(l4Rules([rule('udp', 'all'), rule('tcp', [80], 1), rule('tcp', 'all', 2)]), [
    { index: 1, ports: [80] },
    { index: 2, ports: 'all' },
  ])
})

test('l4Rules() opens nothing without TCP rules', () => {
  assert.deepEqual(l4Rules([]), [])
  assert.deepEqual(l4Rules([rule('udp', 'all')]), [])
})

test('l4Rules() opens nothing beside an HTTP rule, whether that resolves or not', () => {
  assert.deepEqual(l4Rules([rule('tcp', 'all'), rule('http', 'all', 1)]), [])
  assert.deepEqual(l4Rules([rule('tcp', 'all'), rule('http', [], 1)]), [])
})

test('l4Rules() leaves out a rule that covers nothing', () => {
  assert.deepEqual(l4Rules([rule('tcp', []), rule('tcp', [80], 1)]), [{ index: 1, ports: [80] }])
})
