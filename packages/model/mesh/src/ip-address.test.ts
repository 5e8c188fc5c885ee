import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import {
  ipFromBytes,
  ipToBytes,
  isIpv6,
  isLoopback,
  parseIpAddress,
  parseIpRange,
  rangeContains,
} from './ip-address.ts'

// RFC 5952 §4, and IPv4-mapped addresses as the IPv4 addresses that they mean.
const canonical: readonly (readonly [string, string])[] = [
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:DB8::A', '2001:db8::a'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:0a00:0001', '10.0.0.1'],
  ['0:0:0:0:0:ffff:10.0.0.1', '10.0.0.1'],
  ['::ffff:0.0.0.0', '0.0.0.0'],
  ['::10.0.0.1', '::a00:1'],
  ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ['1:2:3:4:5:6:10.0.0.1', '1:2:3:4:5:6:a00:1'],
]

for (const [text, expected] of canonical) {
  test(`parseIpAddress reads ${text} as ${expected}`, () => {
    const address = must(parseIpAddress(text))
    assert.equal(address, expected)
    assert.equal(must(ipFromBytes(ipToBytes(address))), expected)
    assert.equal(isIpv6(address), expected.includes(':'))
  })
}

const refused = [
  '',
  ' ',
  '1',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '1.2.3.-4',
  '01.2.3.4',
  '1.2.3.4 ',
  '1.2.3.0x4',
  '1.2.3.',
  '.1.2.3',
  '0x7f000001',
  '1e1.2.3.4',
  '１.2.3.4',
  ':',
  ':::',
  '1:',
  ':1',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '12345::',
  'g::',
  '::1%eth0',
  '[::1]',
  '::1/128',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '::1.2.3',
  '1:2:3:4:5:6:7:1.2.3.4',
  'localhost',
  `${'1:'.repeat(10_000)}1`,
]

for (const text of refused) {
  test(`parseIpAddress refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.equal(parseIpAddress(text).ok, false)
  })
}

test('ipFromBytes takes 4 or 16 bytes, and reads mapped ones as IPv4', () => {
  assert.equal(must(ipFromBytes(Uint8Array.of(10, 0, 0, 1))), '10.0.0.1')
  assert.equal(
    must(ipFromBytes(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1))),
    '10.0.0.1',
  )
  for (const length of [0, 1, 3, 5, 15, 17]) assert.equal(ipFromBytes(new Uint8Array(length)).ok, false)
})

test('isLoopback holds for 127.0.0.0/8 and ::1, mapped or not', () => {
  const loopback = (text: string): boolean => isLoopback(must(parseIpAddress(text)))
  assert.deepEqual(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map(loopback), [
    true,
    true,
    true,
    true,
  ])
  assert.deepEqual(['128.0.0.1', '12.7.0.1', '::2', '1270::1'].map(loopback), [false, false, false, false])
})

const contained: readonly (readonly [string, string, boolean])[] = [
  ['10.0.0.0/8', '10.255.255.255', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['10.0.0.0/9', '10.127.0.1', true],
  ['10.0.0.0/9', '10.128.0.1', false],
  ['10.1.2.3/8', '10.9.9.9', true],
  ['10.0.0.1', '10.0.0.1', true],
  ['10.0.0.1', '10.0.0.2', false],
  ['10.0.0.0/31', '10.0.0.1', true],
  ['10.0.0.0/31', '10.0.0.2', false],
  ['0.0.0.0/0', '255.1.2.3', true],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '::1', true],
  ['::/0', '10.0.0.1', false],
  ['fd00::/8', 'fdff::1', true],
  ['fd00::/8', 'fe00::1', false],
  ['2001:db8::/33', '2001:db8:7fff::', true],
  ['2001:db8::/33', '2001:db8:8000::', false],
  ['::1/128', '::1', true],
]

for (const [range, address, expected] of contained) {
  test(`rangeContains: ${address} is ${expected ? '' : 'not '}in ${range}`, () => {
    assert.equal(rangeContains(must(parseIpRange(range)), must(parseIpAddress(address))), expected)
  })
}

for (const text of [
  '',
  '/8',
  '10.0.0.0/',
  '10.0.0.0/33',
  '::/129',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  '10.0.0.0/ 8',
  '10.0.0.0/1e1',
  '10.0.0/8',
]) {
  test(`parseIpRange refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseIpRange(text).ok, false)
  })
}
