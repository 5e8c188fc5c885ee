import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { FrameHeader, frameFlag, frameType, readUint31, readUint32 } from './frame.ts'

const cases = [
  { bytes: '000000' + '04' + '00' + '00000000', length: 0, type: frameType.settings, flags: 0, streamId: 0 },
  { bytes: '000005' + '00' + '01' + '00000001', length: 5, type: frameType.data, flags: 1, streamId: 1 },
  {
    bytes: '100000' + '01' + '25' + '7fffffff',
    length: 0x10_0000,
    type: 1,
    flags: 0x25,
    streamId: 0x7fff_ffff,
  },
  {
    bytes: 'ffffff' + 'ff' + 'ff' + '00010203',
    length: 0xff_ffff,
    type: 0xff,
    flags: 0xff,
    streamId: 0x1_0203,
  },
]

for (const { bytes, ...fields } of cases) {
  test(`FrameHeader reads and writes ${bytes}`, () => {
    const header = new FrameHeader()
    header.read(Buffer.from(`aa${bytes}`, 'hex'), 1)
    const { length, type, flags, streamId } = header
    deepEqual({ length, type, flags, streamId }, fields)
    const out = Buffer.alloc(10, 0xaa)
    new FrameHeader().set(fields.length, fields.type, fields.flags, fields.streamId).write(out, 1)
    equal(out.toString('hex'), `aa${bytes}`)
  })
}

test('FrameHeader ignores the reserved bit', () => {
  const header = new FrameHeader()
  header.read(Buffer.from('0000000000ffffffff', 'hex'), 0)
  equal(header.streamId, 0x7fff_ffff)
})

test('FrameHeader.has looks at single flags', () => {
  const header = new FrameHeader().set(0, frameType.headers, frameFlag.endHeaders, 1)
  equal(header.has(frameFlag.endHeaders), true)
  equal(header.has(frameFlag.endStream), false)
})

test('readUint31 and readUint32 differ in the top bit only', () => {
  const bytes = Buffer.from('80000001', 'hex')
  equal(readUint31(bytes, 0), 1)
  equal(readUint32(bytes, 0), 0x8000_0001)
})
