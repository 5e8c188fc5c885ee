import fc from 'fast-check'
import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import {
  addressBytes,
  addressText,
  decodeSocketAddress,
  encodeSocketAddress,
  encodeUnixAddress,
} from './socket-address.ts'

test('addressText writes RFC 5952 and makes IPv4-mapped addresses canonical', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['10.77.1.2', '10.77.1.2'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fe80:0:0:0:0:0:0:5', 'fe80::5'],
    ['::ffff:10.77.1.2', '10.77.1.2'],
    ['::ffff:0a4d:0102', '10.77.1.2'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ]
  for (const [input, expected] of cases) assert.equal(addressText(addressBytes(input)), expected, input)
})

test('addressBytes refuses what is no address', () => {
  for (const text of ['', 'books', '10.0.0', '10.0.0.256', 'fe80::1%eth0', '::1::2']) {
    assert.throws(() => addressBytes(text), { code: 'KERNEL_PROTOCOL' }, text)
  }
})

test('addressText and addressBytes are inverse', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const written = addressText(addressBytes(text))
      assert.ok(isIPv4(written) || isIPv6(written))
      assert.deepEqual(addressText(addressBytes(written)), written)
    }),
  )
})

test('encodeSocketAddress lays out sockaddr_in and sockaddr_in6', () => {
  assert.equal(encodeSocketAddress('10.77.1.2', 15_001).toString('hex'), '02003a990a4d01020000000000000000')
  const v6 = encodeSocketAddress('fd77::1:2', 15_001)
  assert.equal(v6.toString('hex'), '0a003a9900000000fd7700000000000000000000000100020000' + '0000')
  assert.deepEqual(decodeSocketAddress(v6), { address: 'fd77::1:2', port: 15_001 })
  assert.equal(decodeSocketAddress(Buffer.alloc(28)), undefined)
  assert.equal(decodeSocketAddress(Buffer.alloc(4)), undefined)
})

test('encodeUnixAddress ends with NUL and refuses paths that do not fit', () => {
  assert.equal(encodeUnixAddress('/a').toString('hex'), '01002f6100')
  for (const path of ['', 'x'.repeat(108), 'a\0b']) {
    assert.throws(() => encodeUnixAddress(path), { code: 'KERNEL_PROTOCOL' })
  }
})
