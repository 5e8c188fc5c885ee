import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nested, textAttribute, u32Attribute } from './netlink-codec.ts'
import * as codec from './rtnetlink-codec.ts'

test('encodeLinkHeader changes the up flag only where it is asked to', () => {
  const hex = (link: { index: number; up?: boolean }): string => codec.encodeLinkHeader(link).toString('hex')
  assert.equal(hex({ index: 2 }), '00000000' + '02000000' + '00000000' + '00000000')
  assert.equal(hex({ index: 2, up: true }), '00000000' + '02000000' + '01000000' + '01000000')
  assert.equal(hex({ index: 2, up: false }), '00000000' + '02000000' + '00000000' + '01000000')
})

test('encodeRouteHeader has the scope that fits the kind of route', () => {
  const hex = (route: codec.RouteOptions): string => codec.encodeRouteHeader(route).toString('hex')
  // family, dst_len, src_len, tos, table, protocol, scope, type, flags
  assert.equal(hex({ family: 4, via: '10.77.0.1' }), '02000000' + '00040001' + '00000000')
  assert.equal(hex({ family: 4, to: '10.0.0.0/8', link: 'eth0' }), '02080000' + '0004fd01' + '00000000')
  assert.equal(
    hex({ family: 6, link: 'lo', type: 'local', table: 100 }),
    '0a000000' + '0004fe02' + '00000000',
  )
})

test('encodeRouteSearch names neither maker nor scope', () => {
  assert.equal(codec.encodeRouteSearch({ family: 4 }).toString('hex'), '02000000' + '0000ff00' + '00000000')
  const local = codec.encodeRouteSearch({ family: 4, type: 'local' })
  assert.equal(local.toString('hex'), '02000000' + '0000ff02' + '00000000')
})

test('encodeAddressHeader and encodeRuleHeader', () => {
  const address = { link: 'eth0', address: 'fd77::1', prefixLength: 64 }
  assert.equal(codec.encodeAddressHeader(address, 2).toString('hex'), '0a400000' + '02000000')
  assert.equal(codec.encodeRuleHeader(2).toString('hex'), '02000000' + '00000001' + '00000000')
})

test('parsePrefix refuses what is no prefix', () => {
  assert.deepEqual(codec.parsePrefix({ family: 4, to: '10.77.1.2' }), [Uint8Array.from([10, 77, 1, 2]), 32])
  for (const to of ['10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/-1', '10.0.0.0/1.5']) {
    assert.throws(() => codec.parsePrefix({ family: 4, to }), { code: 'KERNEL_EINVAL' }, to)
  }
})

test('decodeLink reads name, state, kind and master', () => {
  const payload = Buffer.concat([
    codec.encodeLinkHeader({ index: 5, up: true }),
    textAttribute(codec.IFLA_IFNAME, 'veth0'),
    u32Attribute(codec.IFLA_MTU, 1500),
    u32Attribute(codec.IFLA_MASTER, 2),
    nested(codec.IFLA_LINKINFO, textAttribute(codec.IFLA_INFO_KIND, 'veth')),
  ])
  const expected = { index: 5, name: 'veth0', up: true, mtu: 1500, mac: '', kind: 'veth', master: 2 }
  assert.deepEqual(codec.decodeLink(payload), expected)
  assert.throws(() => codec.decodeLink(Buffer.alloc(3)), { code: 'KERNEL_PROTOCOL' })
})
