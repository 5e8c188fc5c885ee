import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '@tulle/core'
import { ipFromBytes, ipToBytes, parseIpAddress } from './ip-address.ts'

test('parseIpAddress takes exactly the texts that Node takes for addresses, but for zones', () => {
  const unit = fc.constantFrom('0', '1', 'a', 'F', '255', '256', ':', '::', '.', '1.2.3.4', 'ffff')
  const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit, maxLength: 12 }), fc.string())
  fc.assert(
    fc.property(text, (one) => {
      const isAddress = (isIPv4(one) || isIPv6(one)) && !one.includes('%')
      assert.equal(parseIpAddress(one).ok, isAddress)
    }),
    { numRuns: 2000 },
  )
})

test('an address has one text: through bytes and back nothing changes', () => {
  const text = fc.oneof(fc.ipV4(), fc.ipV6())
  fc.assert(
    fc.property(text, (one) => {
      const address = must(parseIpAddress(one))
      assert.equal(must(ipFromBytes(ipToBytes(address))), address)
      assert.equal(must(parseIpAddress(address)), address)
    }),
  )
})
