import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { program } from '../conformance/base.ts'
import { documents, WaypointLab } from '../support/waypoint-lab.ts'

/**
 * Two services with the same endpoints, one in the caller's zone and one in another: `near` says itself that near ones go first,
 * which the caller's node proxy carries out; of `policed` a policy says so, which its waypoint carries out.
 */

const [own, other] = ['zone-a', 'zone-b'] as const
const calls = 12

function endpoint(zone: string): string {
  return documents([
    {
      apiVersion: 'tulle.dev/v1alpha1',
      kind: 'Workload',
      metadata: { name: `in-${zone}`, namespace: 'shop', labels: { app: 'zoned' } },
      spec: {
        serviceAccount: 'zoned',
        node: 'node-2',
        ports: [{ port: 8080 }],
        locality: { region: 'eu', zone },
        run: {
          command: ['node', program],
          env: { CONFORMANCE_SOCKET: `../agents/in-${zone}.sock`, CONFORMANCE_NAME: `in-${zone}` },
        },
      },
    },
  ])
}

function service(name: string, labels: Readonly<Record<string, string>>, more: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', labels },
    spec: { selector: { app: 'zoned' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...more },
  }
}

function policy(failover: 'Anywhere' | 'Zone'): string {
  return documents([
    {
      apiVersion: 'tulle.dev/v1alpha1',
      kind: 'TrafficPolicy',
      metadata: { name: 'policed', namespace: 'shop' },
      spec: {
        targetRefs: [{ group: '', kind: 'Service', name: 'policed' }],
        locality: { prefer: 'Zone', failover },
      },
    },
  ])
}

const world = documents([
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'zoned', namespace: 'shop' } },
  { ...service('near', {}, { trafficDistribution: 'PreferSameZone' }) },
  { ...service('policed', { 'tulle.dev/use-waypoint': 'gate' }, {}) },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: {
      name: 'gate',
      namespace: 'shop',
      labels: { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': own },
    },
    spec: {
      gatewayClassName: 'tulle-waypoint',
      listeners: [{ name: 'mesh', port: 15_008, protocol: 'HBONE' }],
    },
  },
  {
    apiVersion: 'tulle.dev/v1alpha1',
    kind: 'Workload',
    metadata: { name: 'caller', namespace: 'shop' },
    spec: {
      serviceAccount: 'zoned',
      node: 'node-1',
      ports: [],
      locality: { region: 'eu', zone: own },
      run: {
        command: ['node', program],
        env: { CONFORMANCE_SOCKET: '../agents/caller.sock', CONFORMANCE_NAME: 'caller' },
      },
    },
  },
])

let lab: WaypointLab

before(async () => {
  lab = await WaypointLab.start({
    'world.yaml': world,
    'policy.yaml': policy('Anywhere'),
    [`${own}.yaml`]: endpoint(own),
    [`${other}.yaml`]: endpoint(other),
  })
  for (const name of ['caller', `in-${own}`, `in-${other}`]) await lab.whenUp(name)
})
after(() => lab[Symbol.asyncDispose]())

/** Who answers, or with what status nobody does. */
async function reached(host: string): Promise<readonly string[]> {
  const found = new Set<string>()
  for (let i = 0; i < calls; i++) {
    const { status, received } = await lab.call('caller', { host })
    found.add(received?.by ?? String(status))
  }
  return [...found].toSorted()
}

describe('endpoints in the zone of whoever sends to them', () => {
  test('get everything, be it the Service or a policy that says so', async () => {
    assert.deepEqual(await reached('near'), [`in-${own}`])
    assert.deepEqual(await reached('policed'), [`in-${own}`])
  })

  test('are replaced by farther ones when they are gone, where that is allowed', async () => {
    lab.folder.write(`${own}.yaml`, '')
    await lab.settle()
    assert.deepEqual(await reached('near'), [`in-${other}`])
    assert.deepEqual(await reached('policed'), [`in-${other}`])
    lab.folder.write('policy.yaml', policy('Zone'))
    await lab.settle()
    assert.deepEqual(await reached('policed'), ['503'])
  })

  test('get everything again when they are back', async () => {
    lab.folder.write(`${own}.yaml`, endpoint(own))
    await lab.settle()
    await lab.whenUp(`in-${own}`)
    assert.deepEqual(await reached('near'), [`in-${own}`])
    assert.deepEqual(await reached('policed'), [`in-${own}`])
  })
})
