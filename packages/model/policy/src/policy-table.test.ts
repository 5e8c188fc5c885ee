import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyKey } from './authorization-policy.ts'
import type { AuthorizationPolicy } from './authorization-policy.ts'
import { policyOf } from './connection-fixture.ts'
import { policiesFor, PolicyTable } from './policy-table.ts'
import type { ApplicablePolicies } from './policy-table.ts'

const meshWide = policyOf({}, { name: 'g', namespace: '', scope: 'global' })
const ofRoot = policyOf({}, { name: 'g', namespace: 'istio-system', scope: 'global' })
const ofShop = policyOf({}, { name: 'n', scope: 'namespace' })
const ofOther = policyOf({}, { name: 'n', namespace: 'other', scope: 'namespace' })
const selected = policyOf({}, { name: 'w', scope: 'workload' })

function table(...policies: readonly AuthorizationPolicy[]): PolicyTable {
  const made = new PolicyTable()
  for (const policy of policies) made.set(policy)
  return made
}

function keys(policies: ApplicablePolicies): { known: string[]; unknown: readonly string[] } {
  return { known: policies.known.map(policyKey), unknown: policies.unknown }
}

const web = { namespace: 'shop', policies: ['shop/w'] }

test('PolicyTable.policiesFor gives those of the mesh, of the namespace, and those that the workload names, in key order', () => {
  const found = table(selected, ofOther, ofShop, ofRoot, meshWide).policiesFor(web)
  assert.deepEqual(keys(found), { known: ['/g', 'istio-system/g', 'shop/n', 'shop/w'], unknown: [] })
})

test('PolicyTable.policiesFor leaves out workload-scoped policies that nobody names', () => {
  assert.deepEqual(keys(table(selected).policiesFor({ namespace: 'shop', policies: [] })), {
    known: [],
    unknown: [],
  })
})

test('PolicyTable.policiesFor names the keys that it lacks', () => {
  assert.deepEqual(keys(table(ofShop).policiesFor(web)), { known: ['shop/n'], unknown: ['shop/w'] })
})

test('PolicyTable.refuse closes whoever names the policy, and everybody of its namespace', () => {
  const made = table(ofShop, selected)
  made.refuse('shop/w')
  assert.deepEqual(keys(made.policiesFor(web)), { known: ['shop/n'], unknown: ['shop/w'] })
  assert.deepEqual(made.policiesFor({ namespace: 'shop', policies: [] }).unknown, ['shop/w'])
  assert.deepEqual(made.policiesFor({ namespace: 'other', policies: [] }).unknown, [])
})

test('PolicyTable.refuse closes the whole mesh for a policy without namespace', () => {
  const made = table()
  made.refuse('/g')
  assert.deepEqual(made.policiesFor({ namespace: 'any', policies: [] }).unknown, ['/g'])
})

test('PolicyTable.refuse closes whom the scope of the policy means, where that is known', () => {
  const made = table(ofShop)
  made.refuse('shop/w', 'workload')
  assert.deepEqual(keys(made.policiesFor(web)), { known: ['shop/n'], unknown: ['shop/w'] })
  assert.deepEqual(made.policiesFor({ namespace: 'shop', policies: [] }).unknown, [])
  made.refuse('root/g', 'global')
  assert.deepEqual(made.policiesFor({ namespace: 'other', policies: [] }).unknown, ['root/g'])
  made.delete('root/g')
  assert.deepEqual(made.policiesFor({ namespace: 'other', policies: [] }).unknown, [])
})

test('PolicyTable.set and delete open again what refuse closed', () => {
  const made = table()
  made.refuse('shop/w')
  made.set(selected)
  assert.deepEqual(keys(made.policiesFor(web)), { known: ['shop/w'], unknown: [] })
  made.refuse('shop/w')
  made.delete('shop/w')
  assert.deepEqual(made.policiesFor({ namespace: 'shop', policies: [] }).unknown, [])
})

test('PolicyTable.set moves a policy that changes its scope', () => {
  const made = table(ofShop)
  made.set({ ...ofShop, scope: 'global' })
  assert.deepEqual(keys(made.policiesFor({ namespace: 'other', policies: [] })).known, ['shop/n'])
  made.set({ ...ofShop, scope: 'workload' })
  assert.deepEqual(keys(made.policiesFor({ namespace: 'shop', policies: [] })).known, [])
  assert.equal(made.size, 1)
})

test('policiesFor is the table over a list', () => {
  assert.deepEqual(keys(policiesFor(web, [selected, ofShop])), { known: ['shop/n', 'shop/w'], unknown: [] })
})
