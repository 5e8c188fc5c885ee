import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, plainService, plainWorkload, policyOf } from './model-fixture.ts'
import { addressResource, authorizationResource } from './resource.ts'

test('addressResource names a workload by its uid, with network/ip of each address as alias', () => {
  const workload = {
    ...plainWorkload,
    network: 'w',
    addresses: [ip('10.0.0.1'), ip('::ffff:10.0.0.2'), ip('FD00::1')],
  }
  const { name, aliases } = addressResource({ kind: 'workload', workload })
  assert.equal(name, 'u')
  assert.deepEqual(aliases, ['w/10.0.0.1', 'w/10.0.0.2', 'w/fd00::1'])
})

test('addressResource names a service by namespace/hostname, with network/ip or network/ip/length as alias', () => {
  const addresses = [
    { network: '', address: ip('240.240.0.1') },
    { network: '', address: ip('10.0.0.0'), prefixBits: 8 },
  ]
  const { name, aliases } = addressResource({ kind: 'service', service: { ...plainService, addresses } })
  assert.equal(name, 's/h')
  assert.deepEqual(aliases, ['/240.240.0.1', '/10.0.0.0/8'])
})

test('addressResource makes a workload a part of its services', () => {
  const services = new Map([['s/h', []]])
  const workload = { ...plainWorkload, services }
  assert.deepEqual(addressResource({ kind: 'workload', workload }).partOf, ['s/h'])
  assert.equal(addressResource({ kind: 'service', service: plainService }).partOf, undefined)
})

test('authorizationResource names a policy by namespace/name, and one of the mesh by /name', () => {
  assert.equal(authorizationResource(policyOf({})).name, 's/p')
  assert.equal(authorizationResource({ ...policyOf({}), namespace: '', scope: 'global' }).name, '/p')
})

test('addressResource gives equal content an equal version, and other content another', () => {
  const version = (change: object): string =>
    addressResource({ kind: 'workload', workload: { ...plainWorkload, ...change } }).version
  assert.equal(version({}), version({ services: new Map() }))
  assert.notEqual(version({}), version({ node: 'a' }))
  assert.match(version({}), /^[\w-]{22}$/u)
})
