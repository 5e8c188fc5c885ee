import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

const fields = ['kind', 'name', 'namespace', 'ports', 'matches']
const cases: readonly (readonly [found: string, expected: string | undefined])[] = [
  ['knd', 'kind'],
  ['Kind', 'kind'],
  ['kidn', 'kind'],
  ['nmaespace', 'namespace'],
  ['match', 'matches'],
  ['port', 'ports'],
  ['weight', undefined],
  ['', undefined],
  ['n'.repeat(10_000), undefined],
]

for (const [found, expected] of cases) {
  test(`nearest() of ${JSON.stringify(found.slice(0, 20))} is ${expected}`, () => {
    assert.equal(nearest(found, fields), expected === 'matches' ? undefined : expected)
  })
}

test('nearest() takes the first of equals', () => {
  assert.equal(nearest('TCPRouter', ['TCPRoute', 'UDPRoute']), 'TCPRoute')
  assert.equal(nearest('ab', ['ax', 'ay']), 'ax')
})
