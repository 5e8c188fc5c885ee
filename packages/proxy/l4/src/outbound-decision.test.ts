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

const waypoint: GatewayAddress = {
  destination: { kind: 'address', network: '', address: ip('10.0.0.99') },
  hboneMtlsPort: 15_008,
}
const books = testService('books', '240.240.0.1', {
  ports: [
    { servicePort: 80, targetPort: 8080, appProtocol: 'http11' },
    { servicePort: 81, targetPort: 0, appProtocol: 'tcp' },
  ],
})
const key = serviceKey(books)
const serving = { services: new Map([[key, []]]) }

interface World {
  readonly workloads?: readonly Workload[]
  readonly services?: readonly Service[]
  readonly facts?: Partial<OutboundFacts>
}

function decide(to: string, port: number, world: World = {}): OutboundDecision {
  const state = new MeshState()
  const rejected = state.apply(addressUpdate(world.workloads ?? [], world.services ?? []))
  assert.deepEqual(rejected, [])
  const facts: OutboundFacts = {
    namespace: 'shop',
    network: '',
    destinationIp: ip(to),
    destinationPort: port,
    ownPorts: [15_001, 15_006, 15_008],
    loopbackAllowed: false,
    hbonePort: 15_008,
    ...world.facts,
  }
  return decideOutbound(state, facts, seededRng(1))
}

interface Refused {
  readonly name: string
  readonly to: string
  readonly port: number
  readonly reason: string
  readonly world?: World
}

const refusals: readonly Refused[] = [
  { name: 'loopback', to: '127.0.0.1', port: 80, reason: 'loopback' },
  { name: 'loopback over IPv6', to: '::1', port: 80, reason: 'loopback' },
  { name: 'loopback mapped into IPv6', to: '::ffff:127.0.0.1', port: 80, reason: 'loopback' },
  { name: 'a port of the proxy', to: '10.0.0.1', port: 15_008, reason: 'own-port' },
  {
    name: 'a service with a waypoint that is not known, not bypassing it',
    to: '240.240.0.1',
    port: 80,
    reason: 'waypoint-unusable',
    world: { services: [{ ...books, waypoint }], workloads: [testWorkload('b', '10.0.0.1', serving)] },
  },
  {
    name: 'a service with weighted waypoints that are not known, not bypassing them',
    to: '240.240.0.1',
    port: 80,
    reason: 'waypoint-unusable',
    world: { services: [{ ...books, weightedWaypoints: [{ destination: waypoint, weight: 1 }] }] },
  },
  {
    name: 'a workload with a waypoint that is not known, addressed by its IP',
    to: '10.0.0.1',
    port: 80,
    reason: 'waypoint-unusable',
    world: { workloads: [testWorkload('b', '10.0.0.1', { waypoint })] },
  },
  {
    name: 'a service without endpoints',
    to: '240.240.0.1',
    port: 80,
    reason: 'no-healthy-upstream',
    world: { services: [books] },
  },
  {
    name: 'a service whose endpoints are all unhealthy',
    to: '240.240.0.1',
    port: 80,
    reason: 'no-healthy-upstream',
    world: {
      services: [books],
      workloads: [testWorkload('b', '10.0.0.1', { ...serving, health: 'unhealthy' })],
    },
  },
  {
    name: 'a service port that no service has',
    to: '240.240.0.1',
    port: 99,
    reason: 'no-such-port',
    world: { services: [books], workloads: [testWorkload('b', '10.0.0.1', serving)] },
  },
  {
    name: 'a named port that the endpoint does not map',
    to: '240.240.0.1',
    port: 81,
    reason: 'no-healthy-upstream',
    world: { services: [books], workloads: [testWorkload('b', '10.0.0.1', serving)] },
  },
  {
    name: 'a service of another namespace that is visible to its own only',
    to: '240.240.0.1',
    port: 80,
    reason: 'not-visible',
    world: {
      services: [{ ...books, visibility: 'namespace' }],
      workloads: [testWorkload('b', '10.0.0.1', serving)],
      facts: { namespace: 'elsewhere' },
    },
  },
]

for (const { name, to, port, reason, world } of refusals) {
  test(`decideOutbound refuses ${name}`, () => {
    const decision = decide(to, port, world)
    assert.equal(decision.kind === 'refused' ? decision.reason : decision.kind, reason)
  })
}

test('decideOutbound tunnels to a workload addressed by IP, expecting its identity', () => {
  const decision = decide('10.0.0.1', 9000, { workloads: [testWorkload('b', '10.0.0.1')] })
  assert.ok(decision.kind === 'hbone')
  assert.deepEqual(decision.authority, { kind: 'address', address: '10.0.0.1', port: 9000 })
  assert.deepEqual([decision.ip, decision.port], ['10.0.0.1', 15_008])
  assert.deepEqual(decision.identities, [identityOfAccount('b')])
})

test('decideOutbound sends plain TCP to a workload without a tunnel', () => {
  const decision = decide('10.0.0.1', 9000, {
    workloads: [testWorkload('b', '10.0.0.1', { tunnel: 'none' })],
  })
  assert.ok(decision.kind === 'tcp')
  assert.deepEqual([decision.ip, decision.port, decision.passthrough], ['10.0.0.1', 9000, false])
})

test('decideOutbound passes on what nobody knows', () => {
  const decision = decide('192.0.2.1', 443)
  assert.ok(decision.kind === 'tcp')
  assert.deepEqual([decision.ip, decision.port, decision.passthrough], ['192.0.2.1', 443, true])
})

test('decideOutbound sends a service connection to the target port of an endpoint', () => {
  const decision = decide('240.240.0.1', 80, {
    services: [books],
    workloads: [testWorkload('b', '10.0.0.1', serving)],
  })
  assert.ok(decision.kind === 'hbone')
  assert.equal(decision.authority.port, 8080)
  assert.equal(decision.service?.hostname, books.hostname)
})

test("decideOutbound prefers the endpoint's own port map", () => {
  const services = new Map([[key, [{ servicePort: 81, targetPort: 7001 }]]]) as never
  const decision = decide('240.240.0.1', 81, {
    services: [books],
    workloads: [testWorkload('b', '10.0.0.1', { services })],
  })
  assert.ok(decision.kind === 'hbone')
  assert.equal(decision.authority.port, 7001)
})

test('decideOutbound expects the names that a service gives, too', () => {
  const extra = identityOfAccount('spare')
  const decision = decide('240.240.0.1', 80, {
    services: [{ ...books, subjectAltNames: [extra] }],
    workloads: [testWorkload('b', '10.0.0.1', serving)],
  })
  assert.ok(decision.kind === 'hbone')
  assert.deepEqual(decision.identities, [identityOfAccount('b'), extra])
})

test('decideOutbound balances by capacity and leaves out the unhealthy', () => {
  const state = new MeshState()
  const workloads = [
    testWorkload('light', '10.0.0.1', { ...serving, capacity: 1 }),
    testWorkload('heavy', '10.0.0.2', { ...serving, capacity: 3 }),
    testWorkload('sick', '10.0.0.3', { ...serving, capacity: 100, health: 'unhealthy' }),
  ]
  state.apply(addressUpdate(workloads, [books]))
  const counts = countDecisions(state, { destinationIp: ip('240.240.0.1') })
  assert.deepEqual([...counts.keys()].toSorted(), ['10.0.0.1', '10.0.0.2'])
  const share = (counts.get('10.0.0.2') ?? 0) / 4000
  assert.ok(share > 0.7 && share < 0.8, `heavy got ${share}`)
})

test('MeshState gives an address that moved to its newest owner, and back when that leaves', () => {
  const state = new MeshState()
  state.apply(addressUpdate([testWorkload('old', '10.0.0.1')]))
  state.apply(addressUpdate([testWorkload('new', '10.0.0.1')]))
  const ownerOf = (): string => {
    const entry = state.byAddress('', ip('10.0.0.1'))
    return entry?.kind === 'workload' ? entry.workload.uid : ''
  }
  assert.equal(ownerOf(), 'new')
  state.apply(addressUpdate([], [], ['new']))
  assert.equal(ownerOf(), 'old')
  state.apply(addressUpdate([], [], ['old']))
  assert.equal(state.byAddress('', ip('10.0.0.1')), undefined)
})
