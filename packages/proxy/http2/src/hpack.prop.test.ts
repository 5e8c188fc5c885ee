import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeOutcome, HpackDecoder } from './hpack-decoder.ts'
import { HpackEncoder } from './hpack-encoder.ts'
import { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts'

const latin1 = (maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength }).map((octets) => String.fromCharCode(...octets))

const name = fc.oneof(
  fc.constantFrom(
    ':method',
    ':path',
    ':status',
    'accept-encoding',
    'cookie',
    'baggage',
    'x-a',
    'x-b',
    'traceparent',
  ),
  latin1(40),
)
const value = fc.oneof(fc.constantFrom('', 'GET', '/', '200', 'gzip, deflate', 'a', 'b'), latin1(300))
const list = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((fields) => fields.flat())

test('what HpackEncoder writes HpackDecoder reads, over a whole connection and through table changes', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: list },
    { weight: 1, arbitrary: fc.constantFrom(0, 64, 300, 4096, 100_000) },
  )
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 20 }), (huffman, steps) => {
      const encoder = new HpackEncoder({ huffman })
      const decoder = new HpackDecoder(4096, 1_000_000)
      for (const each of steps) {
        if (typeof each === 'number') {
          encoder.setPeerMaxBytes(each)
          continue
        }
        const block = Buffer.from(encoder.bytes.subarray(0, encoder.encode(each)))
        const into: string[] = []
        equal(decoder.decode(block, 0, block.length, into), decodeOutcome.ok)
        deepEqual(into, each)
        equal(decoder.tableBytes, encoder.tableBytes)
      }
    }),
  )
})

test('HpackDecoder survives any bytes within its bounds', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
      const decoder = new HpackDecoder(512, 1000)
      for (const bytes of blocks) {
        const into: string[] = []
        const block = Buffer.from(bytes)
        const outcome = decoder.decode(block, 0, block.length, into)
        ok(decoder.tableBytes <= 512)
        ok(into.join('').length <= 1000)
        if (outcome === decodeOutcome.broken) return
      }
    }),
    { numRuns: 500 },
  )
})

test('huffman round trip, and any bytes decode to something or nothing', () => {
  fc.assert(
    fc.property(latin1(200), fc.uint8Array({ maxLength: 100 }), (text, bytes) => {
      const coded = Buffer.alloc(huffmanLength(text) + 1, 0x5a)
      equal(huffmanEncode(text, coded, 0), coded.length - 1)
      equal(coded.at(-1), 0x5a)
      const out = Buffer.alloc(Math.ceil((coded.length * 8) / 5))
      equal(out.toString('latin1', 0, huffmanDecode(coded, 0, coded.length - 1, out)), text)
      const room = Math.ceil((bytes.length * 8) / 5)
      ok(huffmanDecode(bytes, 0, bytes.length, Buffer.alloc(room + 1)) <= room)
    }),
  )
})
