import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import { encodeForwarded, parseForwarded } from './forwarded.ts'
import type { Forwarded } from './forwarded.ts'

const v4 = must(parseIpAddress('10.0.0.1'))
const v6 = must(parseIpAddress('fd00::1'))

const both: readonly (readonly [Forwarded, string])[] = [
  [{ client: { address: v4, port: 4242 } }, 'for="10.0.0.1:4242"'],
  [{ client: { address: v6, port: 4242 } }, 'for="[fd00::1]:4242"'],
  [{ client: { address: v6 } }, 'for="[fd00::1]"'],
  [{ client: { address: v4, port: 1 }, host: 'api.shop' }, 'for="10.0.0.1:1";host=api.shop'],
  [{ host: 'api.shop:80' }, 'host="api.shop:80"'],
]

for (const [value, header] of both) {
  test(`encodeForwarded and parseForwarded agree on ${header}`, () => {
    assert.equal(encodeForwarded(value), header)
    assert.deepEqual(parseForwarded(header), value)
  })
}

test('encodeForwarded says nothing where there is nothing to say', () => {
  assert.equal(encodeForwarded({}), '')
})

test('encodeForwarded lets no host end its value or the header', () => {
  assert.equal(encodeForwarded({ host: 'a";for=1\r\n' }), 'host="a\\";for=1"')
  assert.deepEqual(parseForwarded('host="a\\";for=1"'), { host: 'a";for=1' })
})

const read: readonly (readonly [string, Forwarded | undefined])[] = [
  ['for=10.0.0.1', { client: { address: v4 } }],
  ['For="[FD00::1]:80" ; HOST=API.shop', { client: { address: v6, port: 80 }, host: 'api.shop' }],
  ['for="[::ffff:10.0.0.1]:80"', { client: { address: v4, port: 80 } }],
  ['proto=http;for=10.0.0.1;by=_x', { client: { address: v4 } }],
  ['for=10.0.0.1, for=10.0.0.2', { client: { address: v4 } }],
  ['for=unknown', undefined],
  ['for=_hidden;host=a', { host: 'a' }],
  ['for="api.shop:80"', undefined],
  ['', undefined],
  ['for', undefined],
  ['for=', undefined],
  ['for="10.0.0.1', undefined],
  ['for="10.0.0.1"x', undefined],
  ['for=10.0.0.1;for=10.0.0.2', undefined],
  ['for=10.0.0.1;', undefined],
  ['for =10.0.0.1', undefined],
  [`host=${'a'.repeat(2000)}`, undefined],
]

for (const [header, expected] of read) {
  test(`parseForwarded reads ${JSON.stringify(header.slice(0, 60))}`, () => {
    assert.deepEqual(parseForwarded(header), expected)
  })
}
