import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBalancer } from '@tulle/balance'
import { must, seededRng, TestClock } from '@tulle/core'
import { defaultLimits } from '@tulle/l7'
import type { UpstreamSpec } from '@tulle/l7'
import { parsePort } from '@tulle/mesh'
import type { LoadBalancing, Locality } from '@tulle/mesh'
import { addressResource, addressType } from '@tulle/mesh-xds'
import type { LocalityPreference } from '@tulle/traffic'
import { serviceTrafficResource, serviceTrafficType } from '@tulle/traffic-xds'
import { MeshClusters } from './mesh-clusters.ts'
import { ownAddress, ownUid, service, stateOf, workload } from './test-mesh.ts'
import type { WaypointState } from './waypoint-state.ts'

const books = 'shop/books.shop.svc.cluster.local'
const mapping = { servicePort: must(parsePort(80)), targetPort: must(parsePort(8080)) }
const here: Locality = { region: 'eu', zone: 'a', subzone: '' }
const zones = ['a', 'b', 'c'] as const

/** What the control plane may say, all at once or part after part. */
interface Said {
  readonly own?: Locality
  readonly loadBalancing?: LoadBalancing
  readonly policy?: LocalityPreference
  /** Zones whose endpoints are not well. */
  readonly down?: readonly string[]
}

function say(state: WaypointState, { own, loadBalancing, policy, down = [] }: Said): void {
  const at = own === undefined ? {} : { locality: own }
  const endpoints = zones.map((zone, i) =>
    workload(zone, `10.2.0.${i + 1}`, {
      services: new Map([[books, [mapping]]]),
      // The last one is in another region.
      locality: { region: zone === 'c' ? 'us' : 'eu', zone, subzone: '' },
      health: down.includes(zone) ? 'unhealthy' : 'healthy',
    }),
  )
  const balanced = loadBalancing === undefined ? {} : { loadBalancing }
  const upserts = [
    ...[workload('w', ownAddress, { uid: ownUid, ...at }), ...endpoints].map((one) =>
      addressResource({ kind: 'workload', workload: one }),
    ),
    addressResource({ kind: 'service', service: service('books', '10.1.0.1', balanced) }),
  ]
  assert.deepEqual(state.apply({ typeUrl: addressType, upserts, removed: [] }), [])
  const resilience = policy === undefined ? {} : { resilience: { locality: policy } }
  const traffic = serviceTrafficResource({ service: books, ports: [], ...resilience })
  assert.deepEqual(state.apply({ typeUrl: serviceTrafficType, upserts: [traffic], removed: [] }), [])
}

function clustersOf(state: WaypointState): MeshClusters {
  const clock = new TestClock()
  return new MeshClusters(
    {
      state,
      clock,
      limits: defaultLimits,
      workers: 1,
      dial: () => {
        throw new Error('nobody connects')
      },
      makeBalancer: (specs, _resilience, place) => {
        const balancer = createBalancer<UpstreamSpec>({ ...place }, { clock, rng: seededRng(5) })
        balancer.replace(specs)
        return balancer
      },
    },
    'http1',
  )
}

/** Zones of the endpoints that requests go to. */
function reached(clusters: MeshClusters): string {
  clusters.refresh()
  const balancer = clusters.clusterOf(books, 80)?.balancer
  const picked = Array.from({ length: 200 }, () => balancer?.pick()?.spec.locality?.zone ?? '')
  return [...new Set(picked)].toSorted().join('')
}

const failover = (...preference: LoadBalancing['preference']): LoadBalancing => ({
  preference,
  mode: 'failover',
  health: 'only-healthy',
})
const sameZone = failover('network', 'region', 'zone')

const table: readonly (readonly [name: string, said: Said, reached: string])[] = [
  ['nothing is said', { own: here }, 'abc'],
  ['the Service prefers its zone', { own: here, loadBalancing: sameZone }, 'a'],
  ['nobody there is well', { own: here, loadBalancing: sameZone, down: ['a'] }, 'b'],
  ['nobody in the region is well', { own: here, loadBalancing: sameZone, down: ['a', 'b'] }, 'c'],
  ['the Service prefers its region', { own: here, loadBalancing: failover('region') }, 'ab'],
  [
    'the Service wants its zone alone',
    { own: here, loadBalancing: { ...sameZone, mode: 'strict' }, down: ['a'] },
    '',
  ],
  [
    'a Service of another control plane prefers clusters',
    { own: here, loadBalancing: failover('network', 'cluster') },
    'abc',
  ],
  ['the waypoint does not know where it is', { loadBalancing: sameZone }, 'abc'],
  ['a policy prefers the zone', { own: here, policy: { prefer: 'zone', failover: 'anywhere' } }, 'a'],
  [
    'a policy keeps to the region',
    { own: here, policy: { prefer: 'zone', failover: 'region' }, down: ['a', 'b'] },
    '',
  ],
  [
    'a policy has no preference where the Service has one',
    { own: here, loadBalancing: sameZone, policy: { prefer: 'anywhere', failover: 'anywhere' } },
    'abc',
  ],
]

for (const [name, said, expected] of table) {
  test(`requests go to zones ${expected || 'nowhere'} where ${name}`, () => {
    const state = stateOf()
    say(state, said)
    assert.equal(reached(clustersOf(state)), expected)
  })
}

test('what is said anew of places and preferences holds for the next request', () => {
  const state = stateOf()
  const clusters = clustersOf(state)
  const steps: readonly (readonly [Said, string])[] = [
    [{}, 'abc'],
    [{ own: here }, 'abc'],
    [{ own: here, loadBalancing: sameZone }, 'a'],
    [{ own: { ...here, zone: 'b' }, loadBalancing: sameZone }, 'b'],
    [{ own: here, loadBalancing: sameZone, policy: { prefer: 'region', failover: 'anywhere' } }, 'ab'],
    [{ own: here }, 'abc'],
  ]
  for (const [said, expected] of steps) {
    say(state, said)
    assert.equal(reached(clusters), expected, JSON.stringify(said))
  }
})

test('endpoints that are well or not change nothing of what is known of the others', () => {
  const state = stateOf()
  const clusters = clustersOf(state)
  say(state, { own: here, loadBalancing: sameZone })
  clusters.refresh()
  const before = clusters.clusterOf(books, 80)
  say(state, { own: here, loadBalancing: sameZone, down: ['b'] })
  clusters.refresh()
  assert.equal(clusters.clusterOf(books, 80), before)
})
