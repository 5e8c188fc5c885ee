import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGraph } from '@tulle/collections'
import { defaultTrustDomain, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import type { Workload } from '@tulle/mesh'
import { authorizeByNode } from './authorize-node.ts'

function workload(name: string, facts: Partial<Workload> = {}): Workload {
  return {
    uid: `tulle//Workload/bookstore/${name}`,
    name,
    namespace: 'bookstore',
    serviceAccount: 'books',
    trustDomain: defaultTrustDomain,
    addresses: [],
    network: '',
    tunnel: 'hbone',
    node: 'n1',
    services: new Map(),
    policies: [],
    health: 'healthy',
    capacity: 1,
    kubeCluster: 'Kubernetes',
    canonicalName: name,
    canonicalRevision: 'latest',
    workloadName: name,
    workloadType: 'pod',
    hostname: '',
    nativeTunnel: false,
    hostNetwork: false,
    ...facts,
  }
}

function account(serviceAccount: string, namespace: string = 'bookstore'): SpiffeId {
  return spiffeId({ trustDomain: defaultTrustDomain, namespace, serviceAccount })
}

test('authorizeByNode() grants the identities of the workloads that a node serves, and no others', () => {
  const graph = createGraph()
  const workloads = graph.source<Workload>('workloads')
  const authorize = authorizeByNode(graph, { workloads })
  graph.transaction(() => {
    for (const each of [
      workload('books-1'),
      workload('books-2', { node: 'n2' }),
      workload('web', { serviceAccount: 'web', node: 'n2' }),
      workload('machine', { serviceAccount: 'machine', tunnel: 'none' }),
    ]) {
      workloads.set(each.uid, each)
    }
  })
  const cases: readonly (readonly [node: string, identity: SpiffeId, granted: boolean])[] = [
    ['n1', account('books'), true],
    ['n2', account('books'), true],
    ['n2', account('web'), true],
    ['n1', account('web'), false],
    ['n3', account('books'), false],
    ['n1', account('machine'), false],
    ['n1', account('books', 'other'), false],
  ]
  for (const [node, identity, granted] of cases) {
    const expected = granted || `no workload of ${identity} runs on node ${node}`
    assert.equal(authorize({ node }, identity), expected)
  }
  graph.transaction(() => workloads.delete('tulle//Workload/bookstore/books-1'))
  assert.equal(typeof authorize({ node: 'n1' }, account('books')), 'string', 'a workload that left')
})
