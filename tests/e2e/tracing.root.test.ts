import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Received } from '../conformance/workload/protocol.ts'
import { TestCollector } from '../support/test-collector.ts'
import { until } from '../support/waiting.ts'
import { documents, WaypointLab } from '../support/waypoint-lab.ts'

/** A waypoint of `tulle up` tells collectors of requests, as the Mesh object says, and as it changes. */

const traceId = '0af7651916cd43dd8448eb211c80319c'
const sampled = `00-${traceId}-b7ad6b7169203331-01`

const folder = mkdtempSync(join(tmpdir(), 'tulle-otel-'))
const socket = join(folder, 'otel.sock')
let collector: TestCollector
let lab: WaypointLab

function meshWith(tracing: Readonly<Record<string, unknown>> | undefined): string {
  const telemetry = tracing === undefined ? {} : { telemetry: { tracing } }
  const spec = { access: 'enforce-selected', ...telemetry }
  return documents([{ apiVersion: 'tulle.dev/v1alpha1', kind: 'Mesh', metadata: { name: 'shop' }, spec }])
}

before(async () => {
  collector = await TestCollector.listen(socket)
  lab = await WaypointLab.start({
    'mesh.yaml': meshWith({ endpoint: `unix:${socket}`, samplingPercent: 100 }),
  })
})
after(async () => {
  await lab[Symbol.asyncDispose]()
  await collector[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

async function readBooks(id: string, traceparent?: string): Promise<Received> {
  const headers = [['x-echo-id', id] as const]
  const answer = await lab.call('reader', {
    path: '/books/7',
    headers: traceparent === undefined ? headers : [...headers, ['traceparent', traceparent]],
  })
  assert.equal(answer.status, 200, answer.error)
  assert.ok(answer.received)
  return answer.received
}

function field(received: Received, name: string): string | undefined {
  return received.headers.find(([key]) => key.toLowerCase() === name)?.[1]
}

test('a request through the mesh is spans that name both of its ends, at a collector outside of it', async () => {
  const received = await readBooks('spans', sampled)
  await until(
    () => (collector.spans.some((span) => span.traceId === traceId) ? true : undefined),
    () => `spans of the request; found ${collector.spans.length}`,
  )
  const ofTrace = collector.spans.filter((span) => span.traceId === traceId)
  const server = ofTrace.find(({ kind }) => kind === 'server')
  const client = ofTrace.find(({ kind }) => kind === 'client')
  assert.ok(server && client)
  assert.equal(client.parentId, server.spanId)
  assert.equal(field(received, 'traceparent'), `00-${traceId}-${client.spanId}-01`)
  assert.equal(server.resource['service.name'], 'tulle-waypoint')
  assert.equal(server.resource['service.namespace'], 'shop')
  assert.equal(server.attributes['tulle.source.workload'], 'reader')
  assert.equal(server.attributes['tulle.source.principal'], 'spiffe://cluster.local/ns/shop/sa/reader')
  assert.equal(server.attributes['tulle.destination.service'], 'shop/books.shop.svc.cluster.local')
  assert.equal(server.attributes['tulle.verdict'], 'allowed')
  assert.equal(client.attributes['tulle.destination.workload'], 'books')
  assert.equal(client.attributes['tulle.destination.principal'], 'spiffe://cluster.local/ns/shop/sa/books')
})

test('a Mesh that changes moves the spans to a collector in the mesh, which is called as a backend is', async () => {
  lab.folder.write('mesh.yaml', meshWith({ endpoint: 'http://auditor:80', samplingPercent: 100 }))
  await lab.settle()
  await readBooks('moved', sampled)
  const posts = async (): Promise<Received | undefined> =>
    (await lab.received('auditor', '')).find(({ target }) => target === '/v1/traces')
  const post = await until(posts, () => 'a POST of spans at auditor')
  assert.equal(post.method, 'POST')
  assert.equal(field(post, 'content-type'), 'application/x-protobuf')
  assert.equal(field(post, 'content-encoding'), 'gzip')
})

test('a Mesh without tracing leaves the trace of a request alone', async () => {
  lab.folder.write('mesh.yaml', meshWith(undefined))
  await lab.settle()
  assert.equal(field(await readBooks('off', sampled), 'traceparent'), sampled)
  assert.equal(field(await readBooks('none'), 'traceparent'), undefined)
})
