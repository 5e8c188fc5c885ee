import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ListenerFile } from '@tulle/node'
import type { Launch, LaunchList } from '@tulle/status'
import { LoopbackFabric } from './loopback.ts'

const folder = mkdtempSync(join(tmpdir(), 'tulle-loopback-'))
after(() => rmSync(folder, { recursive: true }))

const launch: Launch = {
  uid: 'u1',
  namespace: 'shop',
  name: 'books',
  serviceAccount: 'books',
  node: 'n1',
  address: '127.77.1.0',
  enrolled: true,
  run: { command: ['true'], env: {}, workingDir: '/' },
}
const list: LaunchList = {
  revision: 1,
  items: [launch],
  strict: false,
  hosts: [],
  waypoints: [],
  services: [{ namespace: 'shop', name: 'reviews', address: '240.240.0.1', ports: [80] }],
  ports: { u1: [8080] },
}

test('LoopbackFabric writes where a workload is listened for, and takes it away again', () => {
  const fabric = new LoopbackFabric('/state', folder)
  const node = fabric.createNode(0)
  const place = fabric.createWorkload({ node, slot: 1, launch, list })
  const applicationPort = Number(place.env['PORT'])
  const [file = ''] = readdirSync(folder)
  const text = JSON.parse(readFileSync(join(folder, file), 'utf8')) as ListenerFile
  assert.deepEqual(text, {
    trustDomain: 'loopback.local',
    listeners: {
      hbone: { ip: '127.77.1.0', port: 15_008 },
      sourceIp: '127.77.1.0',
      fixedOutbound: [
        { listen: { ip: '127.77.1.0', port: 20_000 }, destination: { ip: '240.240.0.1', port: 80 } },
      ],
      applications: [{ port: 8080, address: { ip: '127.0.0.1', port: applicationPort } }],
    },
  })
  assert.equal(place.env['REVIEWS_SERVICE_PORT'], '20000')
  place[Symbol.dispose]()
  assert.deepEqual(readdirSync(folder), [])
})

test('LoopbackFabric gives no port that somebody listens on, and none twice', async () => {
  const fabric = new LoopbackFabric('/state', folder)
  const node = fabric.createNode(0)
  const one = fabric.createWorkload({ node, slot: 1, launch, list })
  const next = Number(one.env['PORT']) + 1
  const stranger = createServer().listen(next, '127.0.0.1')
  await Promise.race([once(stranger, 'listening'), once(stranger, 'error')])
  const two = fabric.createWorkload({ node, slot: 2, launch: { ...launch, name: 'other' }, list })
  assert.ok(Number(two.env['PORT']) > next)
  stranger.close()
  for (const place of [one, two]) place[Symbol.dispose]()
})

test('LoopbackFabric gives workloads outside of the mesh no listeners', () => {
  const fabric = new LoopbackFabric('/state', folder)
  const node = fabric.createNode(0)
  using place = fabric.createWorkload({ node, slot: 1, launch: { ...launch, enrolled: false }, list })
  assert.deepEqual(Object.keys(place.env), ['PORT', 'PORT_8080'])
})

test('LoopbackFabric has one prefix of loopback for one state folder, and workloads and control plane in it', () => {
  const fabric = new LoopbackFabric('/state', folder)
  const prefix = /^(127\.\d+)\.0\.1$/u.exec(fabric.address)?.[1]
  assert.equal(fabric.controlFlags['workload-range'], `${prefix}.0.0/16`)
  assert.equal(new LoopbackFabric('/state', folder).address, fabric.address)
})
