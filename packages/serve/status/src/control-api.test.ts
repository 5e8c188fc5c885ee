import assert from 'node:assert/strict'
import { test } from 'node:test'
import { objectKey } from '@tulle/api'
import { must } from '@tulle/core'
import { parseIpAddress, serviceKey } from '@tulle/mesh'
import { controlApiClient } from './control-client.ts'
import {
  booksObject,
  booksService,
  booksWorkload,
  nodeProgress,
  serviceObject,
  StatusFixture,
} from './status-fixture.ts'

test('controlApi() lists what there is, at its revision', async () => {
  await using fixture = await StatusFixture.create()
  fixture.fill()
  const { client } = fixture
  assert.deepEqual(await client.get('/v1/workloads'), {
    revision: 1,
    items: [
      {
        uid: 'tulle//Workload/bookstore/books-1',
        namespace: 'bookstore',
        name: 'books-1',
        serviceAccount: 'books',
        identity: 'spiffe://cluster.local/ns/bookstore/sa/books',
        node: 'n1',
        addresses: ['10.77.1.1'],
        tunnel: 'hbone',
        health: 'healthy',
        services: ['bookstore/books.bookstore.svc.cluster.local'],
        policies: ['bookstore/buyers'],
      },
    ],
  })
  const [service] = (await client.get('/v1/services')).items
  assert.deepEqual(
    [service?.key, service?.addresses, service?.endpoints],
    ['bookstore/books.bookstore.svc.cluster.local', ['240.240.0.1'], [booksWorkload.uid]],
  )
  const [policy] = (await client.get('/v1/policies')).items
  assert.deepEqual(
    [policy?.key, policy?.workloads, policy?.rejectedBy],
    ['bookstore/buyers', [booksWorkload.uid], []],
  )
  const version = await client.get('/v1/version')
  assert.deepEqual([version.version, version.revision, version.access], ['1.2.3', 1, 'enforce-selected'])
})

test('controlApi() tells what to start, and by which names services are reached', async () => {
  await using fixture = await StatusFixture.create()
  fixture.fill()
  const { items, hosts } = await fixture.client.get('/v1/launches')
  assert.deepEqual(items, [
    {
      uid: 'tulle//Workload/bookstore/books-1',
      namespace: 'bookstore',
      name: 'books-1',
      serviceAccount: 'books',
      node: 'n1',
      address: '10.77.1.1',
      enrolled: true,
      run: { command: ['node', 'books.js'], env: { PORT: '8080' }, workingDir: '/manifests/app' },
    },
  ])
  assert.deepEqual(hosts, [
    { name: 'books', address: '240.240.0.1', namespace: 'bookstore' },
    { name: 'books.bookstore', address: '240.240.0.1' },
    { name: 'books.bookstore.svc', address: '240.240.0.1' },
    { name: 'books.bookstore.svc.cluster.local', address: '240.240.0.1' },
  ])
  const headless = { ...booksService, addresses: [] }
  fixture.graph.transaction(() =>
    fixture.services.set('bookstore/books.bookstore.svc.cluster.local', headless),
  )
  const names = await fixture.client.get('/v1/hosts')
  assert.deepEqual(names.items[1], { name: 'books.bookstore', address: '10.77.1.1' })
})

test('controlApi() gives each object a Programmed condition out of the receipts', async () => {
  await using fixture = await StatusFixture.create()
  fixture.fill()
  const programmed = async (): Promise<readonly (string | undefined)[]> => {
    const { items } = await fixture.client.get('/v1/objects')
    return items.map(({ conditions }) => {
      const found = conditions.find(({ type }) => type === 'Programmed')
      return `${found?.status} ${found?.reason}: ${found?.message}`
    })
  }
  assert.deepEqual(await programmed(), [
    'Unknown NoNodes: no node proxy is connected',
    'Unknown NoNodes: no node proxy is connected',
  ])
  fixture.receipts.set(nodeProgress('n1', 1))
  fixture.receipts.set(nodeProgress('n2', 0))
  assert.equal((await programmed())[0], 'False Pending: applied on 1 of 2 nodes')
  fixture.receipts.set(nodeProgress('n2', 1))
  assert.equal((await programmed())[0], 'True Applied: applied on 2 of 2 nodes, slowest 12 ms')

  fixture.graph.transaction(() =>
    fixture.objects.set(objectKey(serviceObject), { ...serviceObject, version: 'v2' }),
  )
  assert.deepEqual(await programmed(), [
    'False Pending: applied on 0 of 2 nodes',
    'True Applied: applied on 2 of 2 nodes, slowest 12 ms',
  ])
  const bad = nodeProgress('n2', 2)
  const rejected = [{ name: booksWorkload.uid, reason: 'unknown enum' }]
  fixture.receipts.set({ ...bad, types: bad.types.map((type) => ({ ...type, rejected })) })
  assert.equal((await programmed())[1], 'False Rejected: refused by n2: unknown enum')

  const accepted = { type: 'Accepted', status: 'False', reason: 'Invalid', message: 'no' } as const
  fixture.graph.transaction(() => fixture.conditions.set(objectKey(booksObject), [accepted]))
  assert.equal((await programmed())[1], 'False NotAccepted: the object is not accepted')

  const nobody = { type: 'Programmed', status: 'False', reason: 'NoWaypoint', message: 'nobody' } as const
  fixture.graph.transaction(() => fixture.conditions.set(objectKey(booksObject), [nobody]))
  assert.equal((await programmed())[1], 'False NoWaypoint: nobody')
})

test('controlApi() streams a list at each change of it, and not at others', async () => {
  await using fixture = await StatusFixture.create()
  fixture.fill()
  const life = new AbortController()
  const lists = fixture.client.watch('/v1/services', { signal: life.signal })[Symbol.asyncIterator]()
  const sizes = async (): Promise<number | undefined> => {
    const next = await lists.next()
    return next.done === true ? undefined : next.value.items.length
  }
  assert.equal(await sizes(), 1)
  fixture.receipts.set(nodeProgress('n1', 1))
  fixture.graph.transaction(() => fixture.policies.delete('bookstore/buyers'))
  fixture.graph.transaction(() => fixture.services.delete('bookstore/books.bookstore.svc.cluster.local'))
  assert.equal(await sizes(), 0)
  life.abort()
  assert.equal((await lists.next()).done, true)
})

test('controlApi() waits until every node has applied a revision, or the time is up', async () => {
  await using fixture = await StatusFixture.create()
  fixture.fill()
  fixture.receipts.set(nodeProgress('n1', 0))
  const params = { revision: 1, timeoutMs: 5000 }
  const first = fixture.client.get('/v1/wait', { params })
  while (fixture.clock.pending === 0) await fixture.clock.advance(0)
  fixture.receipts.set(nodeProgress('n1', 1))
  const { applied, slowestMs } = await first
  assert.deepEqual([applied, slowestMs], [true, 12])
  const second = fixture.client.get('/v1/wait', { params: { revision: 2, timeoutMs: 5000 } })
  while (fixture.clock.pending === 0) await fixture.clock.advance(0)
  await fixture.clock.advance(5000)
  const late = await second
  assert.deepEqual([late.applied, late.slowestMs, late.nodes[0]?.appliedRevision], [false, undefined, 1])
})

test('controlApi() refuses parameters that make no sense, and says why', async () => {
  await using fixture = await StatusFixture.create()
  const cases = [
    ['/v1/workloads', { watch: 'yes' }, 'watch: expected 0 or 1, found "yes"'],
    ['/v1/workloads', { namespace: 'x' }, 'unknown parameter "namespace"; known: watch'],
    ['/v1/wait', { revision: '-1' }, 'revision: expected a whole number of 0–9007199254740991, found "-1"'],
    ['/v1/wait', { timeoutMs: 600_001 }, 'timeoutMs: expected a whole number of 0–600000, found "600001"'],
    ['/v1/explain', { from: 'a' }, 'to: expected a value'],
    ['/v1/explain', { from: 'a', to: 'b', port: 0 }, 'port: expected a whole number of 1–65535, found "0"'],
    ['/v1/explain', { from: 'a', to: 'b', header: ['x'] }, 'header: expected name:value, found "x"'],
    ['/v1/explain', { from: 'x'.repeat(1025), to: 'b' }, 'from: expected at most 1024 characters'],
  ] as const
  for (const [path, params, message] of cases) {
    await assert.rejects(fixture.client.get(path, { params }), {
      code: 'ADMIN_REFUSED',
      message,
      context: { status: 400 },
    })
  }
})

test('controlApi() explains, and says which name leads nowhere', async () => {
  await using fixture = await StatusFixture.create()
  const params = { from: 'web', to: 'books', port: 80 }
  assert.deepEqual(await fixture.client.get('/v1/explain', { params }), params)
  const asked = { ...params, method: 'PUT', path: '/a?b', header: ['x-tag: blue', ':authority:books'] }
  assert.deepEqual(await fixture.client.get('/v1/explain', { params: asked }), {
    ...params,
    request: {
      method: 'PUT',
      path: '/a?b',
      headers: [
        ['x-tag', 'blue'],
        [':authority', 'books'],
      ],
    },
  })
  await assert.rejects(fixture.client.get('/v1/explain', { params: { from: 'nobody', to: 'books' } }), {
    code: 'ADMIN_REFUSED',
    message: 'no workload nobody',
  })
})

test('controlApi() reads the sources again on POST only', async () => {
  await using fixture = await StatusFixture.create()
  fixture.fill()
  assert.deepEqual(await fixture.client.post('/v1/sync'), { revision: 1, problems: [] })
  await assert.rejects(fixture.client.get('/v1/sync'), { context: { status: 405 } })
})

test('controlApi() shows the collections, and one of them in full', async () => {
  await using fixture = await StatusFixture.create()
  fixture.fill()
  const all = JSON.stringify(await fixture.client.get('/v1/collections'))
  assert.ok(all.includes('"name":"workloads"') && !all.includes('books-1'))
  const one = JSON.stringify(await fixture.client.get('/v1/collections', { params: { name: 'workloads' } }))
  assert.ok(one.includes('"servicePort":80'), 'Maps become objects')
})

test('controlApiClient() says when nobody answers', async () => {
  await assert.rejects(controlApiClient('/nonexistent/control.sock').get('/v1/version'), {
    code: 'ADMIN_UNREACHABLE',
  })
})

test('GET /v1/waypoints says why each is there, whether it is ready, and who goes through it', async () => {
  await using fixture = await StatusFixture.create()
  const address = must(parseIpAddress('10.77.1.9'))
  const waypoint = { destination: { kind: 'address', network: '', address }, hboneMtlsPort: 15_008 } as const
  fixture.graph.transaction(() => {
    fixture.waypoints.set('bookstore/wp', {
      namespace: 'bookstore',
      name: 'wp',
      address,
      serves: 'all',
      origin: 'automatic',
      reasons: ['routes are read by it'],
    })
    fixture.readyWaypoints.set('bookstore/wp', true)
    fixture.services.set(serviceKey(booksService), { ...booksService, waypoint })
  })
  assert.deepEqual((await fixture.client.get('/v1/waypoints')).items, [
    {
      key: 'bookstore/wp',
      namespace: 'bookstore',
      name: 'wp',
      address: '10.77.1.9',
      node: 'waypoint_bookstore_wp',
      origin: 'automatic',
      ready: true,
      services: [serviceKey(booksService)],
      reasons: ['routes are read by it'],
    },
  ])
})
