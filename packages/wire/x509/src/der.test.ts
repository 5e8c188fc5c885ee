import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { must } from '@tulle/core'
import {
  readBoolean,
  readDer,
  readMagnitude,
  readNamedBits,
  readOid,
  readSmallInteger,
  readTimeMs,
} from './der-read.ts'
import type { DerReader } from './der-read.ts'
import {
  bitString,
  boolean,
  element,
  integer,
  oid,
  sequence,
  setOf,
  smallInteger,
  time,
} from './der-write.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** Vectors of X.690 and of openssl asn1parse -genstr. */
describe('DER writer', () => {
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['integer 0', smallInteger(0), '020100'],
    ['integer 127', smallInteger(127), '02017f'],
    ['integer 128 gets a leading zero', smallInteger(128), '02020080'],
    ['integer 65536', smallInteger(65_536), '0203010000'],
    ['integer without bytes is 0', integer(new Uint8Array()), '020100'],
    ['integer drops leading zeros', integer(bytes('0000ff')), '020200ff'],
    ['boolean true is 0xff', boolean(true), '0101ff'],
    ['oid 1.2.840.113549', oid('1.2.840.113549'), '06062a864886f70d'],
    ['oid 2.5.29.17', oid('2.5.29.17'), '0603551d11'],
    ['oid 2.999 (X.690 §8.19.5)', oid('2.999'), '06028837'],
    ['set in the order of its bytes', setOf(smallInteger(2), smallInteger(1)), '3106020101020102'],
    ['length 127 is one byte', element(4, new Uint8Array(127)).subarray(0, 2), '047f'],
    ['length 128 is two bytes', element(4, new Uint8Array(128)).subarray(0, 3), '048180'],
    ['length 256 is three bytes', element(4, new Uint8Array(256)).subarray(0, 4), '04820100'],
    ['time in 2049 is UTCTime', time(Date.UTC(2049, 11, 31, 23, 59, 59)), '170d3439313233313233353935395a'],
    ['time in 2050 is GeneralizedTime', time(Date.UTC(2050, 0)), '180f32303530303130313030303030305a'],
  ]
  for (const [name, found, expected] of cases) test(name, () => assert.equal(hex(found), expected))
})

describe('DER reader refuses', () => {
  const cases: readonly (readonly [string, string, (reader: DerReader) => unknown])[] = [
    ['nothing', '', (reader) => reader.raw()],
    ['a tag alone', '30', (reader) => reader.raw()],
    ['a tag of several bytes', '1f8101 00', (reader) => reader.raw()],
    ['an indefinite length', '3080 0000', (reader) => reader.raw()],
    ['a long length that has a short form', '048105 0000000000', (reader) => reader.raw()],
    ['a padded length', '0482 0080', (reader) => reader.raw()],
    ['a length of five bytes', '0485 0000000001 00', (reader) => reader.raw()],
    ['an element longer than the input', '0405 00', (reader) => reader.raw()],
    ['another tag', '0401 00', (reader) => reader.content(2)],
    ['bytes after the end', '020100 00', (reader) => reader.content(2)],
    ['an unread rest within', '3003 020100', (reader) => reader.within(0x30, () => 0)],
    ['an empty integer', '0200', readMagnitude],
    ['a negative integer', '0201ff', readMagnitude],
    ['a padded integer', '02020001', readMagnitude],
    ['an integer over four bytes', '02050100000000', readSmallInteger],
    ['a boolean of 1', '010101', readBoolean],
    ['a padded object identifier', '0602 8001', readOid],
    ['an object identifier that does not end', '0601 80', readOid],
    ['an empty object identifier', '0600', readOid],
    ['an object identifier with a huge part', '060a ffffffffffffffffff7f', readOid],
    ['named bits without the count', '0300', readNamedBits],
    ['a time without seconds', '170b 323630313031303030305a', readTimeMs],
    ['a time with an offset', '1711 3236303130313030303030302b30313030', readTimeMs],
    ['30 February', '170d 3236303233303030303030305a', readTimeMs],
  ]
  for (const [name, input, read] of cases) {
    test(name, () => assert.equal(readDer('thing', bytes(input), read).ok, false))
  }

  test('deep nesting, before the stack ends', () => {
    let nested: Uint8Array = new Uint8Array()
    for (let i = 0; i < 60; i++) nested = sequence(nested)
    const dive = (reader: DerReader): void => (reader.done ? undefined : reader.within(0x30, dive))
    const result = readDer('thing', nested, dive)
    assert.match(result.ok ? '' : result.error, /nested deeper/u)
  })
})

test('readNamedBits counts from the highest bit', () => {
  assert.deepEqual(must(readDer('bits', bitString(Uint8Array.of(0x86), 1), readNamedBits)), [0, 5, 6])
})

test('readTimeMs takes UTCTime 50–99 for the last century', () => {
  const read = (text: string): number => must(readDer('time', element(0x17, Buffer.from(text)), readTimeMs))
  assert.equal(read('500101000000Z'), Date.UTC(1950, 0))
  assert.equal(read('491231235959Z'), Date.UTC(2049, 11, 31, 23, 59, 59))
})
