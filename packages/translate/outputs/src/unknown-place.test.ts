import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifests } from '@tulle/api'
import type { AnyObject } from '@tulle/api'
import { worldOf } from './testing/world.ts'
import type { World } from './testing/world.ts'

const policyKey = 'tulle.dev/TrafficPolicy/shop/books'
const zoneLabel = 'topology.kubernetes.io/zone'

function objects(...documents: readonly object[]): readonly AnyObject[] {
  const text = documents.map((document) => JSON.stringify(document)).join('\n---\n')
  const { objects: read, problems } = parseManifests(text, 'test.yaml')
  assert.deepEqual(problems, [])
  return read
}

const gateway = (labels: Readonly<Record<string, string>>): object => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'gate', namespace: 'shop', labels },
  spec: {
    gatewayClassName: 'tulle-waypoint',
    listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }],
  },
})

const policy = (says: object): object => ({
  apiVersion: 'tulle.dev/v1alpha1',
  kind: 'TrafficPolicy',
  metadata: { name: 'books', namespace: 'shop' },
  spec: { targetRefs: [{ group: '', kind: 'Service', name: 'books' }], ...says },
})

const books = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'books', namespace: 'shop', labels: { 'tulle.dev/use-waypoint': 'gate' } },
  spec: { selector: { app: 'books' }, ports: [{ name: 'http', port: 80 }] },
}

function programmed(world: World): string | undefined {
  const conditions = world.model.conditions.get(policyKey) ?? []
  const found = conditions.find(({ type }) => type === 'Programmed')
  return found && `${found.status} ${found.reason}`
}

test('a policy about places says that its waypoint does not know its own, for as long as that is so', () => {
  const near = policy({ locality: { prefer: 'Zone' } })
  const world = worldOf(...objects(books, near, gateway({})))
  assert.equal(programmed(world), 'False NoWaypoint')
  world.serveWaypoints()
  assert.equal(programmed(world), 'False UnknownLocality')
  const { message = '' } =
    world.model.conditions.get(policyKey)?.find(({ type }) => type === 'Programmed') ?? {}
  assert.match(message, /^waypoint shop\/gate does not know where it is/u)
  world.set(...objects(gateway({ [zoneLabel]: 'a' })))
  assert.equal(programmed(world), undefined)
  world.set(...objects(gateway({})))
  assert.equal(programmed(world), 'False UnknownLocality')
  world.set(...objects(policy({ locality: { prefer: 'Anywhere' } })))
  assert.equal(programmed(world), undefined)
  world.set(...objects(policy({ hedging: { delay: '10ms' } })))
  assert.equal(programmed(world), undefined)
})

test('a waypoint is where the labels of its Gateway say', () => {
  const labels = {
    'topology.kubernetes.io/region': 'eu',
    [zoneLabel]: 'a',
    'topology.istio.io/subzone': 'rack-1',
  }
  const world = worldOf(...objects(books, gateway(labels)))
  world.serveWaypoints()
  assert.deepEqual(world.model.workloads.get('tulle//Waypoint/shop/gate')?.locality, {
    region: 'eu',
    zone: 'a',
    subzone: 'rack-1',
  })
})
