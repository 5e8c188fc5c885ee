import assert from 'node:assert/strict'
import { after, before, describe, it, test } from 'node:test'
import type { MeshError } from '@tulle/core'
import { systemClock } from '@tulle/core'
import { addressResource, addressType } from '@tulle/mesh-xds'
import { LatencyHistogram, silentLog } from '@tulle/runtime'
import { createWaypointPlane } from './create-waypoint-plane.ts'
import type { Edge } from './tap/edge-meter.ts'
import type { TapLine } from './tap/tap-lines.ts'
import { ownUid, workload } from './test-mesh.ts'
import { Backend, books, noRefusal, refusal, sum, testAddress, TestWaypoint } from './test-waypoint.ts'
import type { HboneClient } from './test-waypoint.ts'

describe('WaypointPlane with two workers', () => {
  let backend: Backend
  let waypoint: TestWaypoint
  /** One with each worker. */
  let clients: readonly HboneClient[]
  before(async () => {
    backend = await Backend.listen(testAddress(1))
    waypoint = await TestWaypoint.serving(2, 10, backend)
    clients = await waypoint.sessions()
  })
  after(async () => {
    for (const client of clients) client.close()
    await waypoint[Symbol.asyncDispose]()
    await backend[Symbol.asyncDispose]()
  })

  it('serves on both', async () => {
    assert.deepEqual([await waypoint.plane.opened, waypoint.plane.listening], [true, true])
    const before = await waypoint.requests()
    for (const client of clients) assert.equal(await client.get('/a'), 200)
    const after = await waypoint.counted(before, 2)
    const more = after.map((count, index) => count - (before[index] ?? 0))
    assert.deepEqual(more, [1, 1])
  })

  it('has applied a policy in both workers when it is acknowledged', async () => {
    assert.deepEqual(await waypoint.plane.apply(refusal()), [])
    for (const client of clients) assert.equal(await client.get('/now'), 403)
    await waypoint.plane.apply(noRefusal)
    for (const client of clients) assert.equal(await client.get('/now'), 200)
  })

  it('counts the requests of both in its metrics', async () => {
    const counts = await waypoint.requests()
    assert.ok(counts.every((count) => count > 0))
    const { families } = await waypoint.plane.metrics()
    const family = families.find(({ name }) => name === 'istio_requests')
    assert.equal(sum(family?.series.map(({ values }) => values[0] ?? 0) ?? []), sum(counts))
  })

  it('shows who taps the requests of both, a bounded number of all', async () => {
    const stop = new AbortController()
    const lines = waypoint.plane.tap.open({ filter: { path: '/tapped' }, maxPerSecond: 2 }, stop.signal)
    assert.ok(lines)
    // Workers are told one thing after the other: by now they have heard of the tap.
    await waypoint.requests()
    for (const path of ['/left-out', '/tapped/1', '/tapped/2'])
      for (const client of clients) await client.get(path)
    const seen: TapLine[] = []
    for await (const line of lines) {
      seen.push(line)
      if (sum(seen.map((one) => ('dropped' in one ? one.dropped : 1))) === 4) break
    }
    const shown = seen.flatMap((line) => ('dropped' in line ? [] : [line.path]))
    assert.deepEqual(shown.slice(0, 2), ['/tapped/1', '/tapped/1'])
  })

  it('sums the edges of both', async () => {
    const stop = new AbortController()
    const lines = waypoint.plane.edges.open(100, stop.signal)
    assert.ok(lines)
    const first = lines.next()
    await waypoint.requests()
    for (const client of clients) await client.get('/counted')
    const seen: Edge[] = []
    for (let line = await first; line.done !== true; line = await lines.next()) {
      seen.push(...line.value.edges)
      if (sum(seen.map(({ requests }) => requests)) === clients.length) break
    }
    for (const { source, service, latencies, requests } of seen) {
      assert.deepEqual([source, service], ['spiffe://td/ns/shop/sa/reader', books])
      assert.equal(LatencyHistogram.of(latencies).total, requests)
    }
    stop.abort()
    assert.equal((await lines.next()).done, true)
  })
})

test('WaypointPlane drains all workers, and counts what is cut off in each', async () => {
  await using backend = await Backend.listen(testAddress(2))
  await using waypoint = await TestWaypoint.serving(2, 11, backend)
  const clients = await waypoint.sessions()
  for (const client of clients) client.begin('/held')
  await backend.holds(2)
  assert.equal(await waypoint.plane.drain(0), 2)
  for (const client of clients) client.close()
})

describe('createWaypointPlane()', () => {
  it('asks once for what every worker needs, whether on threads or on its own', async () => {
    for (const workers of [0, 2]) {
      const asked: string[] = []
      const heard = Promise.withResolvers<void>()
      await using plane = await createWaypointPlane(
        { workers, uid: ownUid, listen: { ip: testAddress(20), port: 15_008 } },
        {
          clock: systemClock,
          log: silentLog,
          demand: () => undefined,
          onIdentity: (identity) => {
            asked.push(identity)
            heard.resolve()
          },
          onFailed: heard.reject,
        },
      )
      const upserts = [
        addressResource({ kind: 'workload', workload: workload('w', '10.0.0.9', { uid: ownUid }) }),
      ]
      await plane.apply({ typeUrl: addressType, upserts, removed: [] })
      await heard.promise
      assert.deepEqual(asked, ['spiffe://td/ns/shop/sa/w'])
      assert.equal(plane.listening, false)
    }
  })

  it('case 39: tells of a thread that ran out of its heap', async () => {
    const failed = Promise.withResolvers<MeshError>()
    await using plane = await createWaypointPlane(
      { workers: 2, uid: ownUid, listen: { ip: testAddress(21), port: 15_008 }, maxHeapBytes: 8 * 1024 ** 2 },
      {
        clock: systemClock,
        log: silentLog,
        demand: () => undefined,
        onIdentity: () => undefined,
        onFailed: (error) => failed.resolve(error),
      },
    )
    let refused: Error | undefined
    for (let part = 0; part < 100 && refused === undefined; part++) {
      const upserts = Array.from({ length: 2000 }, (_, i) =>
        addressResource({
          kind: 'workload',
          workload: workload(`w-${part}-${i}`, `10.${100 + part}.${i >> 8}.${i & 255}`),
        }),
      )
      refused = await plane.apply({ typeUrl: addressType, upserts, removed: [] }).then(
        () => undefined,
        (error: Error) => error,
      )
    }
    assert.ok(refused !== undefined, 'two hundred thousand workloads do not fit')
    const error = await failed.promise
    assert.equal(error.code, 'WAYPOINT_WORKER')
    assert.match(error.message, /a thread of the waypoint ended: .*memory limit/u)
  })
})
