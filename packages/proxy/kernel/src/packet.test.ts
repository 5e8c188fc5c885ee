import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePacket } from './packet.ts'

const ethernet = (type: string): string => '020000000001' + '020000000002' + type
const tcp = '2328' + '3a98' + '00000001' + '00000002' + '5018' + 'ffff' + '0000' + '0000'
const hello = Buffer.from('hello').toString('hex')

test('parsePacket reads Ethernet, IPv4 and TCP, and cuts the padding off', () => {
  const ip = '4500002d' + '00004000' + '40060000' + '0a4d0101' + '0a4d0102'
  const packet = parsePacket(Buffer.from(ethernet('0800') + ip + tcp + hello + '000000', 'hex'), 1500)
  assert.equal(packet.wireBytes, 1500)
  assert.deepEqual(packet.ip, { version: 4, source: '10.77.1.1', destination: '10.77.1.2', protocol: 6 })
  assert.deepEqual(packet.tcp, {
    sourcePort: 9000,
    destinationPort: 15_000,
    sequence: 1,
    flags: ['PSH', 'ACK'],
  })
  assert.equal(packet.payload.toString(), 'hello')
})

test('parsePacket reads IPv6', () => {
  const addresses = 'fd770000000000000000000000010001' + 'fd770000000000000000000000010002'
  const ip = '60000000' + '0019' + '06' + '40' + addresses
  const packet = parsePacket(Buffer.from(ethernet('86dd') + ip + tcp + hello, 'hex'))
  assert.deepEqual(packet.ip, { version: 6, source: 'fd77::1:1', destination: 'fd77::1:2', protocol: 6 })
  assert.equal(packet.payload.toString(), 'hello')
})

test('parsePacket reads no TCP header in a later fragment', () => {
  const ip = '4500002d' + '00000001' + '40060000' + '0a4d0101' + '0a4d0102'
  assert.equal(parsePacket(Buffer.from(ethernet('0800') + ip + tcp + hello, 'hex')).tcp, undefined)
})

test('parsePacket takes any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom('0800', '86dd', '0806'), (bytes, type) => {
      const packet = parsePacket(Buffer.concat([Buffer.from(ethernet(type), 'hex'), bytes]))
      assert.ok(packet.payload.length <= bytes.length)
    }),
  )
  assert.equal(parsePacket(Buffer.alloc(3)).etherType, 0)
})
