import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { MessageWriter } from './message-writer.ts'

const longText = 'x'.repeat(20_000)
const texts = [
  '',
  'a',
  'x'.repeat(48),
  'x'.repeat(49),
  'x'.repeat(200),
  'née',
  'Ω'.repeat(40),
  '😀',
  '\uD800',
]

test('MessageWriter writes texts as the library does, short and long, of ASCII and not', () => {
  const writer = new MessageWriter()
  for (const text of [...texts, longText]) {
    const expected = new BinaryWriter().tag(16, WireType.LengthDelimited).string(text).finish()
    assert.deepEqual(
      writer.write(() => writer.anyText(16, text)),
      expected,
      text.slice(0, 60),
    )
  }
})

test('MessageWriter writes numbers of 32 bits as the library does', () => {
  const writer = new MessageWriter()
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), fc.integer({ min: 1, max: 2 ** 29 - 1 }), (value, field) => {
      const expected = new BinaryWriter().tag(field, WireType.Varint).uint32(value).finish()
      assert.deepEqual(
        writer.write(() => writer.anyNumber(field, value)),
        expected,
      )
    }),
  )
})

test('MessageWriter leaves out what has its default value, and nothing else', () => {
  const writer = new MessageWriter()
  const bytes = writer.write(() => {
    writer.text(1, '')
    writer.number(2, 0)
    writer.bool(3, false)
    writer.anyText(4, '')
    writer.bytes(5, new Uint8Array())
    writer.bool(6, true)
  })
  assert.deepEqual([...bytes], [0x22, 0, 0x2a, 0, 0x30, 1])
})

test('MessageWriter makes room for the length of a message that is long, however deep it is', () => {
  const writer = new MessageWriter()
  for (const size of [0, 1, 126, 127, 128, 129, 16_380, 16_384, 70_000]) {
    const bytes = writer.write(() =>
      writer.message(1, () => {
        writer.message(2, () => writer.bytes(3, new Uint8Array(size).fill(7)))
        writer.number(4, 5)
      }),
    )
    const reader = new BinaryReader(bytes)
    assert.deepEqual(reader.tag(), [1, WireType.LengthDelimited])
    const outer = new BinaryReader(reader.bytes())
    assert.deepEqual(outer.tag(), [2, WireType.LengthDelimited])
    const inner = new BinaryReader(outer.bytes())
    assert.deepEqual(inner.tag(), [3, WireType.LengthDelimited])
    assert.deepEqual(inner.bytes(), new Uint8Array(size).fill(7))
    assert.deepEqual([outer.tag(), outer.uint32()], [[4, WireType.Varint], 5])
    assert.equal(reader.pos, reader.len)
  }
})

test('MessageWriter begins anew after a message that could not be written', () => {
  const writer = new MessageWriter()
  assert.throws(() =>
    writer.write(() => {
      writer.number(1, 1)
      throw new Error('no such field')
    }),
  )
  assert.deepEqual([...writer.write(() => writer.number(2, 3))], [0x10, 3])
})
