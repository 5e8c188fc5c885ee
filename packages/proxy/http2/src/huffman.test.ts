import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts'

/** Strings of RFC 7541 Appendix C.4 and C.6. */
const vectors: readonly (readonly [text: string, hex: string])[] = [
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['custom-key', '25a849e95ba97d7f'],
  ['custom-value', '25a849e95bb8e8b4bf'],
  ['302', '6402'],
  ['private', 'aec3771a4b'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
  ['307', '640eff'],
  ['gzip', '9bd9ab'],
  [
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  ],
]

function decode(bytes: Buffer): string | undefined {
  const out = Buffer.alloc(bytes.length * 2 + 1)
  const length = huffmanDecode(bytes, 0, bytes.length, out)
  return length < 0 ? undefined : out.toString('latin1', 0, length)
}

for (const [text, hex] of vectors) {
  test(`huffman code of ${text} (RFC 7541 C.4, C.6)`, () => {
    const out = Buffer.alloc(100)
    equal(out.toString('hex', 0, huffmanEncode(text, out, 0)), hex)
    equal(huffmanLength(text), hex.length / 2)
    equal(decode(Buffer.from(hex, 'hex')), text)
  })
}

test('huffmanDecode takes every octet back', () => {
  const text = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet)).join('')
  const out = Buffer.alloc(1024)
  equal(decode(out.subarray(0, huffmanEncode(text, out, 0))), text)
})

const broken: readonly (readonly [why: string, hex: string])[] = [
  ['padding of eight ones', '1fff'],
  ['padding with a zero', '1e'],
  ['end of string inside', 'ffffffff'],
  ['end of string and more', 'fffffffc00'],
]

for (const [why, hex] of broken) {
  test(`huffmanDecode refuses ${why} (RFC 7541 §5.2)`, () => {
    equal(decode(Buffer.from(hex, 'hex')), undefined)
  })
}
