import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import {
  decodeRevocation,
  decodeTrustBundle,
  encodeRevocation,
  encodeTrustBundle,
} from './identity-resources.ts'
import { bytesOf } from './model-fixture.ts'
import fc from 'fast-check'

const thief = spiffeId(must(parseSpiffeId('spiffe://cluster.local/ns/a/sa/thief')))
const list = { name: 'Revocation/theft', identities: [thief], serials: ['a1'] }
const trustDomain = must(parseTrustDomain('cluster.local'))
const bundle = { trustDomain, roots: ['one', 'other'], signer: 'ab'.repeat(32) }

const withBytes = (bytes: Uint8Array, more: string): Uint8Array => Buffer.concat([bytes, bytesOf(more)])

test('a revocation list and a trust bundle come back as they were', () => {
  assert.deepEqual(must(decodeRevocation(encodeRevocation(list))), list)
  assert.deepEqual(must(decodeTrustBundle(encodeTrustBundle(bundle))), bundle)
  const silent = { ...bundle, signer: undefined }
  assert.deepEqual(must(decodeTrustBundle(encodeTrustBundle(silent))), silent)
})

const refusedLists: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['an unknown field', withBytes(encodeRevocation(list), '2001'), /unknown field 4/u],
  ['a field in another wire type', withBytes(encodeRevocation(list), '1001'), /identities has wire type 0/u],
  [
    'an entry that is no identity',
    withBytes(encodeRevocation(list), '120161'),
    /identities\[1\]: expected spiffe/u,
  ],
  [
    'an entry that is no serial',
    withBytes(encodeRevocation(list), '1a0178'),
    /serials\[1\]: expected a serial/u,
  ],
  ['no name', bytesOf('1a0161'), /name is empty/u],
  ['half a list', encodeRevocation(list).subarray(0, -1), /./u],
  ['garbage', bytesOf('ffffffff'), /./u],
]

for (const [what, bytes, reason] of refusedLists) {
  test(`case 37: decodeRevocation() refuses ${what}`, () => {
    const decoded = decodeRevocation(bytes)
    assert.match(decoded.ok ? 'taken' : decoded.error, reason)
  })
}

const refusedBundles: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['an unknown field', withBytes(encodeTrustBundle(bundle), '2001'), /unknown field 4/u],
  ['a bundle without roots', encodeTrustBundle({ ...bundle, roots: [] }), /1–100 roots/u],
  ['a root of a megabyte', encodeTrustBundle({ ...bundle, roots: ['a'.repeat(1 << 20)] }), /a root over/u],
  ['a signer that is no digest', encodeTrustBundle({ ...bundle, signer: 'AB' }), /signer/u],
  ['a trust domain that is none', bytesOf('0a0141 120161'), /trust domain/u],
]

for (const [what, bytes, reason] of refusedBundles) {
  test(`case 37: decodeTrustBundle() refuses ${what}`, () => {
    const decoded = decodeTrustBundle(bytes)
    assert.match(decoded.ok ? 'taken' : decoded.error, reason)
  })
}

test('decodeRevocation() and decodeTrustBundle() answer to any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.equal(typeof decodeRevocation(bytes).ok, 'boolean')
      assert.equal(typeof decodeTrustBundle(bytes).ok, 'boolean')
    }),
  )
})
