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

test('a query is read once, however many rules ask about it', (t) => {
  const decode = t.mock.method(globalThis, 'decodeURIComponent')
  const query = '%78=%79&'.repeat(256)
  const decoded = (asks: number): number => {
    const before = decode.mock.callCount()
    // Another query for each number of rules, as requests have.
    for (let i = 0; i < asks; i++) assert.equal(firstQueryValue(`${asks}=&${query}`, `n${i}`), undefined)
    return decode.mock.callCount() - before
  }
  const once = decoded(1)
  assert.ok(once >= 255, `${once} parts decoded`)
  assert.equal(decoded(200), once)
})
