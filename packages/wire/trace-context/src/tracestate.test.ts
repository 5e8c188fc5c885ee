import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { maxTracestateMembers, readTracestate } from './tracestate.ts'

function members(count: number, valueOf: (i: number) => string = () => '1'): string {
  return Array.from({ length: count }, (_, i) => `k${i}=${valueOf(i)}`).join(',')
}

test('readTracestate joins what came in several fields, in order, without spaces and empty members', () => {
  assert.equal(
    readTracestate(['rojo=00f067aa0ba902b7 ,', '\tcongo=t61rcWkgMzE, ']),
    'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
  )
})

test('readTracestate keeps keys of tenants, and values with spaces inside', () => {
  const state = 'fw529a3039@dt=FfzA;a b:c,1a-_*/=~'
  assert.equal(readTracestate([state]), state)
})

test('readTracestate takes as many members as there may be, and none of more', () => {
  assert.equal(readTracestate([members(maxTracestateMembers)]), members(maxTracestateMembers))
  assert.equal(readTracestate([members(maxTracestateMembers + 1)]), undefined)
})

const refused: readonly (readonly [string, string])[] = [
  ['a member without a value', 'a'],
  ['an empty value', 'a='],
  ['a value of spaces', 'a= ,b=1'],
  ['an empty key', '=1'],
  ['a key in upper case', 'Aa=1'],
  ['a key that begins with a sign', '@a=1'],
  ['a key that is too long', `${'a'.repeat(257)}=1`],
  ['a value that is too long', `a=${'1'.repeat(257)}`],
  ['a second equals sign', 'a=1=2'],
  ['a control character', 'a=1\u0007'],
  ['what is not ASCII', 'a=é'],
  ['the same key twice', 'a=1,b=2,a=3'],
  ['too much to read', members(32, () => 'x'.repeat(255))],
  ['nothing', ''],
]

for (const [name, state] of refused) {
  test(`readTracestate keeps nothing of a list with ${name}`, () => {
    assert.equal(readTracestate([state]), undefined)
  })
}

test('readTracestate without a field is none', () => {
  assert.equal(readTracestate([]), undefined)
})

test('readTracestate drops long members first, then the last ones, down to 512 characters', () => {
  const long = `long=${'x'.repeat(200)}`
  const short = members(30, () => 'y'.repeat(20))
  const kept = readTracestate([`${long},${short}`]) ?? ''
  assert.ok(kept.length <= 512)
  assert.ok(short.startsWith(`${kept},`), kept)
  const fits = `${long},${members(3)}`
  assert.equal(readTracestate([fits]), fits)
})

test('readTracestate gives what it would read again the same, for any text', () => {
  const part = fc.string({ unit: fc.constantFrom(...'ab1=, \t@-é~;'.split('')), maxLength: 40 })
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), (fields) => {
      const read = readTracestate(fields)
      if (read === undefined) return
      assert.ok(read.length <= 512)
      assert.equal(readTracestate([read]), read)
    }),
  )
})
