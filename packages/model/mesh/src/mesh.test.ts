import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { networkAddressKey } from './gateway-address.ts'
import { parseIpAddress } from './ip-address.ts'
import { parsePort } from './port.ts'
import { serviceKey } from './service.ts'

test('parsePort takes 1–65535', () => {
  assert.deepEqual(
    [1, 80, 65_535].map((value) => must(parsePort(value))),
    [1, 80, 65_535],
  )
})

for (const value of [0, -1, 65_536, 80.5, Number.NaN, Infinity]) {
  test(`parsePort refuses ${value}`, () => {
    assert.equal(parsePort(value).ok, false)
  })
}

test('serviceKey is namespace/hostname, networkAddressKey network/ip', () => {
  assert.equal(
    serviceKey({ namespace: 'bookstore', hostname: 'books.bookstore.svc.cluster.local' }),
    'bookstore/books.bookstore.svc.cluster.local',
  )
  assert.equal(networkAddressKey('', must(parseIpAddress('::ffff:10.0.0.1'))), '/10.0.0.1')
})
