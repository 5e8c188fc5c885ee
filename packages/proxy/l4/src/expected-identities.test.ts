import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import { expectedIdentities } from './expected-identities.ts'
import { testService, testWorkload } from './test-mesh.ts'

const workload = testWorkload('books-1', '10.0.0.1')
const plain = testService('books', '240.240.0.1')
const other = testService('books-too', '240.240.0.2')
const named = testService('books-named', '240.240.0.3', {
  subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/answers-too', 'no SPIFFE ID'],
})

test('expectedIdentities gives the same array whichever services a workload is called by in turn', () => {
  const first = expectedIdentities(workload, plain)
  const withNames = expectedIdentities(workload, named)
  assert.equal(expectedIdentities(workload, other), first)
  assert.equal(expectedIdentities(workload, undefined), first)
  assert.equal(expectedIdentities(workload, named), withNames)
  assert.equal(expectedIdentities(workload, plain), first)
})

test('expectedIdentities holds the own identity and the ones that the service names, and nothing that is none', () => {
  const [own] = expectedIdentities(workload, undefined)
  const named1 = expectedIdentities(workload, named)
  assert.equal(named1.length, 2)
  assert.ok(own !== undefined && named1.includes(own))
  const parsed = parseSpiffeId('spiffe://cluster.local/ns/shop/sa/answers-too')
  assert.ok(parsed.ok && named1.includes(spiffeId(parsed.value)))
  assert.deepEqual([...named1], named1.toSorted())
})
