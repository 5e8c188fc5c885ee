import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { allRoots, rootsOf } from './trust-bundle.ts'
import { parseTrustDomain } from './trust-domain.ts'

const [a, b, c] = [must(parseTrustDomain('a')), must(parseTrustDomain('b')), must(parseTrustDomain('c'))]
const bundle = {
  roots: new Map([
    [b, ['root 2', 'root 1']],
    [a, ['root 1']],
  ]),
}

test('rootsOf gives the roots of a domain alone, and none for a domain that is not in the bundle', () => {
  assert.deepEqual(
    [rootsOf(bundle, a), rootsOf(bundle, b), rootsOf(bundle, c)],
    [['root 1'], ['root 2', 'root 1'], []],
  )
})

test('allRoots gives each root once, in an order of its own', () => {
  assert.deepEqual(allRoots(bundle), ['root 1', 'root 2'])
})

for (const text of ['', 'A', 'a/b', 'a b', 'a:1', 'a%', 'a\0', 'a\n', 'ä', 'a'.repeat(256)]) {
  test(`parseTrustDomain refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.equal(parseTrustDomain(text).ok, false)
  })
}
