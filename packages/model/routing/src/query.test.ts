import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstQueryValue } from './query.ts'

const values: readonly (readonly [query: string, name: string, value: string | undefined])[] = [
  ['', 'a', undefined],
  ['a', 'a', ''],
  ['a=', 'a', ''],
  ['a=b=c', 'a', 'b=c'],
  ['x=1&a=b&a=c', 'a', 'b'],
  ['%61=%62+c', 'a', 'b c'],
  ['A=b', 'a', undefined],
  ['=b&a=c', '', undefined],
  ['a=%zz&a=b', 'a', undefined],
  ['%zz=b&a=c', 'a', 'c'],
  [`${'x&'.repeat(255)}a=b`, 'a', 'b'],
  [`${'x&'.repeat(256)}a=b`, 'a', undefined],
]

for (const [query, name, value] of values)
  test(`firstQueryValue(${JSON.stringify(query.slice(0, 20))}, ${JSON.stringify(name)})`, () =>
    assert.equal(firstQueryValue(query, name), value))

test('a query is read once, however many rules ask about it', () => {
  const query = '%78=%79&'.repeat(256)
  const cpuOf = (asks: number): number => {
    const before = process.cpuUsage()
    // Each time another query, as requests have.
    for (let request = 0; request < 20; request++)
      for (let i = 0; i < asks; i++)
        assert.equal(firstQueryValue(`${request}&${query}`.slice(0, 2000 - request), `n${i}`), undefined)
    return process.cpuUsage(before).user
  }
  cpuOf(1)
  const one = cpuOf(1)
  const many = cpuOf(200)
  assert.ok(many < 50 * one, `${many} us where 200 rules ask, ${one} us where one does`)
})
