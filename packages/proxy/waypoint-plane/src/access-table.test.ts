import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccessPolicy } from '@tulle/access'
import { must } from '@tulle/core'
import { parseIpRange } from '@tulle/mesh'
import { emptyMatch } from '@tulle/policy'
import { anyRequest } from '@tulle/traffic'
import { AccessTable } from './access-table.ts'

function policy(name: string, change: Partial<AccessPolicy> = {}): AccessPolicy {
  return {
    name,
    namespace: 'shop',
    scope: 'workload',
    action: 'allow',
    dryRun: false,
    rules: [{ connection: { clauses: [] } }],
    ...change,
  }
}

const subject = { namespace: 'shop', policies: ['shop/b', 'shop/a'] }
const of = (table: AccessTable): readonly [readonly string[], readonly string[]] => {
  const { known, unknown } = table.policiesFor(subject)
  return [known.map(({ key }) => key), unknown]
}

test('a policy that is named and not there is unknown, which closes', () => {
  const table = new AccessTable()
  table.set(policy('a'))
  assert.deepEqual(of(table), [['shop/a'], ['shop/b']])
  table.set(policy('b'))
  assert.deepEqual(of(table), [['shop/a', 'shop/b'], []])
  table.delete('shop/a')
  assert.deepEqual(of(table), [['shop/b'], ['shop/a']])
})

test('policies of a namespace and of all hold without being named', () => {
  const table = new AccessTable()
  for (const name of ['a', 'b']) table.set(policy(name))
  table.set(policy('here', { scope: 'namespace' }))
  table.set(policy('elsewhere', { scope: 'namespace', namespace: 'other' }))
  table.set(policy('all', { scope: 'global', namespace: '' }))
  assert.deepEqual(of(table), [['/all', 'shop/a', 'shop/b', 'shop/here'], []])
})

test('case 38: a policy that cannot be understood closes its namespace, and is forgotten with its next version', () => {
  const table = new AccessTable()
  for (const name of ['a', 'b']) table.set(policy(name))
  const unsound = {
    ...anyRequest,
    path: { kind: 'pattern', pattern: { source: '(', anchor: 'start' } },
  } as const
  const refused = policy('c', { rules: [{ connection: { clauses: [] }, requests: [unsound] }] })
  assert.equal(table.set(refused).ok, false)
  assert.deepEqual(of(table), [['shop/a', 'shop/b'], ['shop/c']])
  assert.deepEqual(table.policiesFor({ namespace: 'other', policies: [] }), { known: [], unknown: [] })
  const before = table.revision
  table.set(policy('c'))
  assert.deepEqual(of(table), [['shop/a', 'shop/b'], []])
  assert.notEqual(table.revision, before)
})

test('it knows whether any policy asks for the address of a destination', () => {
  const table = new AccessTable()
  assert.equal(table.readsAddresses, false)
  const match = { ...emptyMatch, destinationIps: [must(parseIpRange('10.0.0.0/8'))] }
  table.set(policy('a', { rules: [{ connection: { clauses: [{ matches: [match] }] } }] }))
  assert.equal(table.readsAddresses, true)
})
