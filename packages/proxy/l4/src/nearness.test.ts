import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serviceKey } from '@tulle/mesh'
import type { LoadBalancing, Workload } from '@tulle/mesh'
import { MeshState } from './mesh-state.ts'
import type { Whereabouts } from './nearness.ts'
import { countDecisions } from './test-decisions.ts'
import { addressUpdate, ip, testService, testWorkload } from './test-mesh.ts'

const sameZone = ['network', 'region', 'zone'] as const
const sameNode = [...sameZone, 'subzone', 'node'] as const

function preferring(
  preference: LoadBalancing['preference'],
  mode: LoadBalancing['mode'] = 'failover',
): LoadBalancing {
  return { preference, mode, health: 'only-healthy' }
}

const ports = [{ servicePort: 80, targetPort: 8080, appProtocol: 'http11' }] as const
const key = serviceKey(testService('books', '240.240.0.1'))

function books(address: string, region: string, zone: string, more: Partial<Workload> = {}): Workload {
  const locality = { region, zone, subzone: '' }
  return testWorkload(`w${address}`, address, { locality, services: new Map([[key, []]]), ...more })
}

const endpoints = [
  books('10.0.0.1', 'eu', 'a', { node: 'mine' }),
  books('10.0.0.2', 'eu', 'a', { node: 'other' }),
  books('10.0.0.3', 'eu', 'b'),
  books('10.0.0.4', 'us', 'a'),
]
const caller: Whereabouts = {
  locality: { region: 'eu', zone: 'a', subzone: '' },
  node: 'mine',
  network: '',
  kubeCluster: 'Kubernetes',
}

/** Last numbers of the addresses that connections go to; those that were tried did not answer. */
function reached(
  loadBalancing: LoadBalancing | undefined,
  from: Whereabouts | undefined,
  { tried = [], workloads = endpoints }: { tried?: readonly number[]; workloads?: readonly Workload[] } = {},
): string {
  const state = new MeshState()
  const service = testService('books', '240.240.0.1', {
    ports,
    ...(loadBalancing === undefined ? {} : { loadBalancing }),
  })
  assert.deepEqual(state.apply(addressUpdate(workloads, [service])), [])
  const counts = countDecisions(state, {
    destinationIp: ip('240.240.0.1'),
    caller: from,
    tried: new Set(tried.map((last) => `w10.0.0.${last}`)),
  })
  return [...counts.keys()]
    .map((to) => to.split('.')[3] ?? to)
    .toSorted()
    .join('')
}

test('without a preference connections go to all endpoints', () => {
  assert.equal(reached(undefined, caller), '1234')
})

test('connections go to the endpoints that have the most in common with the caller', () => {
  assert.equal(reached(preferring(sameZone), caller), '12')
  assert.equal(reached(preferring(sameNode), caller), '1')
})

test('a scope counts only where those before it are in common: zones of other regions are other zones', () => {
  const workloads = endpoints.slice(2)
  assert.equal(reached(preferring(sameZone), caller, { workloads }), '3')
})

test('when the nearest do not answer, or are not well, the next nearest are asked', () => {
  assert.equal(reached(preferring(sameNode), caller, { tried: [1] }), '2')
  assert.equal(reached(preferring(sameNode), caller, { tried: [1, 2] }), '3')
  assert.equal(reached(preferring(sameNode), caller, { tried: [1, 2, 3] }), '4')
  const workloads = endpoints.map((one, i): Workload => (i < 2 ? { ...one, health: 'unhealthy' } : one))
  assert.equal(reached(preferring(sameZone), caller, { workloads }), '3')
})

test('a strict preference leads nowhere else', () => {
  assert.equal(reached(preferring(sameZone, 'strict'), caller), '12')
  assert.equal(reached(preferring(sameZone, 'strict'), caller, { tried: [1, 2] }), 'refused')
})

test('a caller of which nobody knows where it is has no preference', () => {
  assert.equal(reached(preferring(sameZone), undefined), '1234')
  const { locality: _, ...nowhere } = caller
  assert.equal(reached(preferring(sameZone), nowhere), '1234')
  assert.equal(reached(preferring(sameZone, 'strict'), nowhere), '1234')
})

test('callers at several places have their own nearest', () => {
  const inB = { ...caller, locality: { region: 'eu', zone: 'b', subzone: '' } }
  assert.equal(reached(preferring(sameZone), inB), '3')
  const state = new MeshState()
  const service = testService('books', '240.240.0.1', { ports, loadBalancing: preferring(sameZone) })
  assert.deepEqual(state.apply(addressUpdate(endpoints, [service])), [])
  const to = (from: Whereabouts): number =>
    countDecisions(state, { destinationIp: ip('240.240.0.1'), caller: from }).size
  assert.deepEqual([to(caller), to(inB), to(caller)], [2, 1, 2])
})
