import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSpiffeId, spiffeId } from './spiffe-id.ts'

const accepted = [
  'spiffe://cluster.local/ns/bookstore/sa/reader',
  'spiffe://td_1-x.example/ns/a/sa/a.b.c',
  'spiffe://1/ns/1/sa/1',
  `spiffe://td/ns/${'a'.repeat(63)}/sa/${'b'.repeat(253)}`,
]

for (const text of accepted) {
  test(`parseSpiffeId and spiffeId give back ${text.slice(0, 60)}`, () => {
    const identity = parseSpiffeId(text)
    assert.ok(identity.ok, identity.ok ? '' : identity.error)
    assert.equal(spiffeId(identity.value), text)
  })
}

const refused: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['another scheme', 'https://td/ns/a/sa/b'],
  ['the scheme in upper case', 'SPIFFE://td/ns/a/sa/b'],
  ['no scheme', 'td/ns/a/sa/b'],
  ['an empty trust domain', 'spiffe:///ns/a/sa/b'],
  ['a trust domain in upper case', 'spiffe://TD/ns/a/sa/b'],
  ['a port', 'spiffe://td:80/ns/a/sa/b'],
  ['user info', 'spiffe://me@td/ns/a/sa/b'],
  ['two slashes in the middle', 'spiffe://td//ns/a/sa/b'],
  ['two slashes before the account', 'spiffe://td/ns/a/sa//b'],
  ['a slash at the end', 'spiffe://td/ns/a/sa/b/'],
  ['too few parts', 'spiffe://td/ns/a/sa'],
  ['too many parts', 'spiffe://td/ns/a/sa/b/c'],
  ['another second part', 'spiffe://td/NS/a/sa/b'],
  ['another fourth part', 'spiffe://td/ns/a/SA/b'],
  ['parts in another order', 'spiffe://td/sa/a/ns/b'],
  ['an empty namespace', 'spiffe://td/ns//sa/b'],
  ['an empty account', 'spiffe://td/ns/a/sa/'],
  ['percent-encoding', 'spiffe://td/ns/a/sa/b%2Fc'],
  ['a percent sign', 'spiffe://td/ns/a%/sa/b'],
  ['upper case in a namespace', 'spiffe://td/ns/A/sa/b'],
  ['upper case in an account', 'spiffe://td/ns/a/sa/B'],
  ['NUL', 'spiffe://td/ns/a/sa/b\0'],
  ['NUL in the middle, where a C reader would stop', 'spiffe://td/ns/a/sa/b\0.evil'],
  ['a line end', 'spiffe://td/ns/a/sa/b\n'],
  ['space', 'spiffe://td/ns/a/sa/b '],
  ['a query', 'spiffe://td/ns/a/sa/b?x'],
  ['a fragment', 'spiffe://td/ns/a/sa/b#x'],
  ['dot segments', 'spiffe://td/ns/../sa/b'],
  ['a dot at the start', 'spiffe://td/ns/a/sa/.b'],
  ['a dash at the end', 'spiffe://td/ns/a-/sa/b'],
  ['a wildcard', 'spiffe://td/ns/*/sa/b'],
  ['a letter that only looks like one of ours', 'spiffe://td/ns/\u0430/sa/b'],
  ['a full-width slash', 'spiffe://td/ns/a/sa\uff0fb'],
  ['a namespace that is too long', `spiffe://td/ns/${'a'.repeat(254)}/sa/b`],
  ['more than 2048 bytes', `spiffe://td/ns/a/sa/${'b'.repeat(3000)}`],
  ['100 000 slashes', `spiffe://${'/'.repeat(100_000)}`],
]

for (const [name, text] of refused) {
  test(`parseSpiffeId refuses ${name}`, () => {
    const result = parseSpiffeId(text)
    assert.ok(!result.ok)
    assert.ok(result.error.length < 500, 'expected an error that stays short')
  })
}

test('parseSpiffeId takes a dot for a dot: ids that differ there are different ids', () => {
  const [dotted, plain] = ['a.b', 'axb'].map((account) => parseSpiffeId(`spiffe://td/ns/n/sa/${account}`))
  assert.ok(dotted?.ok && plain?.ok)
  assert.notEqual(spiffeId(dotted.value), spiffeId(plain.value))
})
