import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import fc from 'fast-check'
import { readDer, readMagnitude, readOid, readTimeMs } from './der-read.ts'
import type { DerReader } from './der-read.ts'
import { element, integer, oid, sequence, time } from './der-write.ts'
import {
  certificatePem,
  createCsr,
  createRoot,
  generateKeyPair,
  parseCertificate,
  parseCsr,
  splitPem,
} from './index.ts'
import type { SpiffeId } from '@tulle/identity'

const small = { numRuns: 300 }

test('element and raw are inverse for any content', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70_000 }), (content) => {
      const read = must(readDer('octets', element(4, content), (reader) => reader.content(4)))
      assert.equal(Buffer.compare(read, content), 0)
    }),
    { numRuns: 50 },
  )
})

test('integer, oid and time come back as they were written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 160n }), (value) => {
      const digits = value.toString(16)
      const magnitude = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
      const read = must(readDer('integer', integer(magnitude), readMagnitude))
      assert.equal(BigInt(`0x${Buffer.from(read).toString('hex')}`), value)
    }),
    small,
  )
  const arcs = fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 39 }), fc.array(fc.nat(), { maxLength: 6 }))
  fc.assert(
    fc.property(arcs, ([first, second, rest]) => {
      const dotted = [first, second, ...rest].join('.')
      assert.equal(must(readDer('oid', oid(dotted), readOid)), dotted)
    }),
    small,
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 0) / 1000 }), (seconds) => {
      assert.equal(must(readDer('time', time(seconds * 1000), readTimeMs)), seconds * 1000)
    }),
    small,
  )
})

/** Well-formed trees of random elements get further into a parser than random bytes do. */
const tree: fc.Arbitrary<Uint8Array> = fc.letrec<{ tree: Uint8Array }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium' },
    fc
      .tuple(fc.integer({ min: 0, max: 30 }), fc.uint8Array({ maxLength: 40 }))
      .map(([tag, bytes]) => element(tag, bytes)),
    fc.array(tie('tree'), { maxLength: 6 }).map((items) => sequence(...items)),
  ),
})).tree

test('parseCertificate, parseCsr and splitPem return for any bytes and never throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), tree), (bytes) => {
      assert.equal(parseCertificate(bytes).ok, false)
      assert.equal(parseCsr(bytes).ok, false)
    }),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), (text) => {
      splitPem(text)
      assert.equal(parseCsr(text).ok, false)
    }),
    small,
  )
})

test('a certificate with any byte changed is read or refused, and never throws', () => {
  const { certificate } = createRoot({ subject: { commonName: 'root' }, notBeforeMs: 0, notAfterMs: 1e12 })
  changed(certificate.der, (bytes) => parseCertificate(bytes))
})

test('a request with any byte changed is refused', () => {
  const identity = 'spiffe://cluster.local/ns/shop/sa/web' as SpiffeId
  changed(createCsr({ identity, keyPair: generateKeyPair() }), (bytes) =>
    assert.equal(parseCsr(bytes).ok, false),
  )
})

function changed(original: Uint8Array, check: (bytes: Uint8Array) => void): void {
  const at = fc.nat({ max: original.length - 1 })
  fc.assert(
    fc.property(at, fc.integer({ min: 1, max: 255 }), (index, mask) => {
      const bytes = Uint8Array.from(original)
      bytes[index] = (bytes[index] ?? 0) ^ mask
      check(bytes)
    }),
    small,
  )
}

test('nested elements are read without a limit on breadth', () => {
  const count = (reader: DerReader): number =>
    reader.within(0x30, (list) => {
      let found = 0
      for (; !list.done; found++) list.raw()
      return found
    })
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 50 }), (items) => {
      assert.equal(must(readDer('list', sequence(...items), count)), items.length)
    }),
    small,
  )
})

test('certificatePem and splitPem are inverse', () => {
  const { certificate } = createRoot({ notBeforeMs: 0, notAfterMs: 1e12 })
  fc.assert(
    fc.property(fc.nat({ max: 5 }), fc.constantFrom('', '\n', 'comment\n', '\r\n'), (count, between) => {
      const text = Array.from({ length: count }, () => certificatePem(certificate)).join(between)
      const blocks = must(splitPem(text))
      assert.equal(blocks.length, count)
      for (const block of blocks) assert.equal(Buffer.compare(block.der, certificate.der), 0)
    }),
    { numRuns: 20 },
  )
})
