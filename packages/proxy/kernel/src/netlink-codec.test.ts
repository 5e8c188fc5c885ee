import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KernelError } from './errors.ts'
import {
  attribute,
  decodeAttributes,
  decodeMessages,
  decodeOutcome,
  decodeText,
  encodeRequest,
  nested,
  textAttribute,
  u32Attribute,
  u32beAttribute,
} from './netlink-codec.ts'
import type { NetlinkMessage } from './netlink-codec.ts'

test('attributes have length, type and padding', () => {
  assert.equal(attribute(1, Buffer.from('abcde')).toString('hex'), '09000100' + '6162636465' + '000000')
  assert.equal(textAttribute(3, 'lo').toString('hex'), '07000300' + '6c6f00' + '00')
  assert.equal(u32Attribute(4, 1500).toString('hex'), '08000400' + 'dc050000')
  assert.equal(u32beAttribute(4, 1500).toString('hex'), '08000400' + '000005dc')
  assert.equal(
    nested(18, textAttribute(1, 'veth')).toString('hex'),
    '10001280' + '09000100' + '7665746800000000',
  )
})

test('encodeRequest puts a header before the padded family header and the attributes', () => {
  const request = { type: 16, flags: 0x605, header: Buffer.from([1, 2]), attributes: [u32Attribute(4, 9000)] }
  assert.equal(
    encodeRequest(request, 7).toString('hex'),
    '1c000000' + '1000' + '0506' + '07000000' + '00000000' + '01020000' + '08000400' + '28230000',
  )
})

test('decodeMessages reads several of one datagram, and decodeOutcome their ends', () => {
  const first = encodeRequest({ type: 20, flags: 2, header: Buffer.from([1]), attributes: [] }, 1)
  const done = encodeRequest({ type: 3, flags: 2, header: Buffer.alloc(4), attributes: [] }, 1)
  const messages = decodeMessages(Buffer.concat([first, done]))
  assert.deepEqual(
    messages.map(({ type, sequence }) => ({ type, sequence })),
    [
      { type: 20, sequence: 1 },
      { type: 3, sequence: 1 },
    ],
  )
  assert.deepEqual(messages.map(decodeOutcome), [undefined, { errno: 0, text: '' }])
})

test('decodeOutcome reads the errno and the extended acknowledgement', () => {
  const quoted = Buffer.alloc(16)
  quoted.writeUInt32LE(20, 0)
  const text = textAttribute(1, 'Nexthop has invalid gateway')
  const capped: NetlinkMessage = {
    type: 2,
    flags: 0x300,
    sequence: 1,
    payload: Buffer.concat([Buffer.from('9bffffff', 'hex'), quoted, text]),
  }
  const expected = { errno: 101, text: 'Nexthop has invalid gateway' }
  assert.deepEqual(decodeOutcome(capped), expected)
  // Without NLM_F_CAPPED the whole request of 20 bytes is quoted.
  const whole = Buffer.concat([Buffer.from('9bffffff', 'hex'), quoted, Buffer.alloc(4), text])
  assert.deepEqual(decodeOutcome({ ...capped, flags: 0x200, payload: whole }), expected)
})

test('decodeText ends at the first NUL', () => {
  assert.equal(decodeText(Buffer.from('lo\0junk')), 'lo')
  assert.equal(decodeText(Buffer.from('lo')), 'lo')
})

test('any bytes decode to a value or a KernelError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      for (const decode of [decodeMessages, decodeAttributes]) {
        try {
          decode(Buffer.from(bytes))
        } catch (error) {
          assert.ok(error instanceof KernelError)
        }
      }
    }),
  )
})
