import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '@tulle/core'
import { serviceKey } from '@tulle/mesh'
import type { GatewayAddress, Service, Workload } from '@tulle/mesh'
import { MeshState } from './mesh-state.ts'
import { decideOutbound } from './outbound-decision.ts'
import type { OutboundDecision, OutboundFacts } from './outbound-decision.ts'
import { countDecisions } from './test-decisions.ts'
import { addressUpdate, identityOfAccount, ip, testService, testWorkload } from './test-mesh.ts'

const byIp = (address: string): GatewayAddress => ({
  destination: { kind: 'address', network: '', address: ip(address) },
  hboneMtlsPort: 15_008,
})
const byName: GatewayAddress = {
  destination: { kind: 'hostname', namespace: 'shop', hostname: 'wp.shop.svc.cluster.local' },
  hboneMtlsPort: 15_008,
}
const waypoint = testWorkload('wp', '10.0.0.99')
const books = testService('books', '240.240.0.1', {
  ports: [{ servicePort: 80, targetPort: 8080, appProtocol: 'http11' }],
})
const wpService = testService('wp', '240.240.0.9', {
  ports: [{ servicePort: 15_008, targetPort: 16_008, appProtocol: 'unknown' }],
})
const endpoint = testWorkload('b', '10.0.0.1', { services: new Map([[serviceKey(books), []]]) })

function decide(
  to: string,
  {
    workloads,
    services,
    facts,
  }: { workloads: readonly Workload[]; services: readonly Service[]; facts?: Partial<OutboundFacts> },
): OutboundDecision {
  const state = new MeshState()
  assert.deepEqual(state.apply(addressUpdate(workloads, services)), [])
  const all: OutboundFacts = {
    namespace: 'shop',
    network: '',
    destinationIp: ip(to),
    destinationPort: 80,
    ownPorts: [15_001, 15_006, 15_008],
    loopbackAllowed: false,
    hbonePort: 15_008,
    ...facts,
  }
  return decideOutbound(state, all, seededRng(1))
}

const viaWaypoint: readonly (readonly [string, string, Parameters<typeof decide>[1], string, number])[] = [
  [
    'a service, by the address of its waypoint',
    '240.240.0.1',
    { services: [{ ...books, waypoint: byIp('10.0.0.99') }], workloads: [waypoint, endpoint] },
    '10.0.0.99',
    15_008,
  ],
  [
    'a service, by the name of its waypoint, on the port of the instance',
    '240.240.0.1',
    {
      services: [{ ...books, waypoint: byName }, wpService],
      workloads: [{ ...waypoint, services: new Map([[serviceKey(wpService), []]]) }, endpoint],
    },
    '10.0.0.99',
    16_008,
  ],
  [
    'a workload that is called by its address',
    '10.0.0.1',
    { services: [], workloads: [waypoint, { ...endpoint, waypoint: byIp('10.0.0.99') }] },
    '10.0.0.99',
    15_008,
  ],
]

for (const [name, to, world, hop, port] of viaWaypoint) {
  test(`decideOutbound leads through the waypoint of ${name}`, () => {
    const decision = decide(to, world)
    assert.ok(decision.kind === 'hbone', JSON.stringify(decision))
    assert.deepEqual([decision.ip, decision.port], [hop, port])
    assert.deepEqual(decision.identities, [identityOfAccount('wp')], 'no other identity will do')
    assert.deepEqual(
      decision.authority,
      { kind: 'address', address: to, port: 80 },
      'what the caller dialled',
    )
  })
}

const bound: Service = { ...books, waypoint: byIp('10.0.0.99') }
const never: readonly (readonly [string, Parameters<typeof decide>[1], string])[] = [
  ['that nobody knows', { services: [bound], workloads: [endpoint] }, 'waypoint-unusable'],
  [
    'that takes no HBONE',
    { services: [bound], workloads: [{ ...waypoint, tunnel: 'none' }, endpoint] },
    'waypoint-unusable',
  ],
  [
    'in another network',
    { services: [bound], workloads: [{ ...waypoint, network: 'far' }, endpoint] },
    'waypoint-unusable',
  ],
  [
    'whose only instance did not answer',
    { services: [bound], workloads: [waypoint, endpoint], facts: { tried: new Set([waypoint.uid]) } },
    'waypoint-unusable',
  ],
  [
    'of weight zero that nobody knows',
    {
      services: [{ ...books, weightedWaypoints: [{ destination: byIp('10.0.0.98'), weight: 0 }] }],
      workloads: [endpoint],
    },
    'waypoint-unusable',
  ],
  [
    'on a port that the service does not have',
    { services: [bound], workloads: [waypoint, endpoint], facts: { destinationPort: 99 } },
    'no-such-port',
  ],
]

for (const [name, world, reason] of never) {
  test(`decideOutbound never goes around a waypoint ${name}`, () => {
    const decision = decide('240.240.0.1', world)
    assert.equal(decision.kind === 'refused' ? decision.reason : decision.kind, reason)
  })
}

/** Where 4000 connections to a service with these waypoints and weights go. */
function sharesOf(
  weights: Readonly<Record<string, number>>,
  tried?: ReadonlySet<string>,
): Map<string, number> {
  const weightedWaypoints = Object.entries(weights).map(([at, weight]) => ({ destination: byIp(at), weight }))
  const state = new MeshState()
  const instances = Object.keys(weights).map((at) => testWorkload(`wp-${at}`, at))
  state.apply(addressUpdate(instances, [{ ...bound, weightedWaypoints }]))
  return countDecisions(state, {
    destinationIp: ip('240.240.0.1'),
    ...(tried === undefined ? {} : { tried }),
  })
}

const weights = { '10.0.0.97': 3, '10.0.0.98': 1, '10.0.0.99': 0 }

test('decideOutbound shares connections among weighted waypoints', () => {
  const counts = sharesOf(weights)
  assert.deepEqual([...counts.keys()].toSorted(), ['10.0.0.97', '10.0.0.98'])
  const share = (counts.get('10.0.0.97') ?? 0) / 4000
  assert.ok(share > 0.7 && share < 0.8, `the heavier one got ${share}`)
})

test('decideOutbound leads through another weighted waypoint where one does not answer, and never to weight 0', () => {
  const uids = ['10.0.0.97', '10.0.0.98'].map((at) => testWorkload(`wp-${at}`, at).uid)
  assert.deepEqual([...sharesOf(weights, new Set(uids.slice(0, 1)))], [['10.0.0.98', 4000]])
  assert.deepEqual([...sharesOf(weights, new Set(uids))], [['refused', 4000]])
})
