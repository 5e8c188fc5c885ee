import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareText, dataEqual } from './compare.ts'

test('compareText orders by code unit, whatever the locale', () => {
  assert.deepEqual(['b', 'a', 'B', 'ä', 'aa', ''].toSorted(compareText), ['', 'B', 'a', 'aa', 'b', 'ä'])
  assert.equal(compareText('a', 'a'), 0)
})

const equal: readonly (readonly [string, unknown, unknown])[] = [
  ['NaN', Number.NaN, Number.NaN],
  ['nested objects in another key order', { a: 1, b: { c: [1] } }, { b: { c: [1] }, a: 1 }],
  [
    'maps in another order',
    new Map([
      ['a', [1]],
      ['b', [2]],
    ]),
    new Map([
      ['b', [2]],
      ['a', [1]],
    ]),
  ],
  ['sets', new Set([1, 2]), new Set([2, 1])],
  ['byte arrays', Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
  ['objects without prototype', { __proto__: null, a: 1 }, { __proto__: null, a: 1 }],
]

const different: readonly (readonly [string, unknown, unknown])[] = [
  ['0 and -0', 0, -0],
  ['null and undefined', null, undefined],
  ['a text and a number', '1', 1],
  ['an absent and an undefined key', {}, { a: undefined }],
  ['two keys of one count', { a: undefined }, { b: undefined }],
  ['lists of another length', [1], [1, 2]],
  ['a list and an object', [], {}],
  ['a list and a byte array', [1], Uint8Array.of(1)],
  ['maps with other values', new Map([['a', 1]]), new Map([['a', 2]])],
  ['maps with other keys', new Map([['a', undefined]]), new Map([['b', undefined]])],
  ['sets', new Set([1]), new Set([2])],
  ['an own and an inherited key', { toString: 1 }, { valueOf: 1 }],
]

for (const [name, a, b] of equal) {
  test(`dataEqual holds for ${name}`, () => {
    assert.ok(dataEqual(a, b) && dataEqual(b, a))
  })
}

for (const [name, a, b] of different) {
  test(`dataEqual tells apart ${name}`, () => {
    assert.ok(!dataEqual(a, b) && !dataEqual(b, a))
  })
}
