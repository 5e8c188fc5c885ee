/** What a proxy makes of a request's trace, and tells a collector of it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReceivedSpan } from '../support/test-collector.ts'
import { TestCollector } from '../support/test-collector.ts'
import { FieldBackend, TracedProxy } from '../support/traced-proxy.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parentId = 'b7ad6b7169203331'
const sampled = `00-${traceId}-${parentId}-01`
const unsampled = `00-${traceId}-${parentId}-00`

const tracingTo = (endpoint: string, percent: number): string =>
  `tracing: { endpoint: '${endpoint}', samplingPercent: ${percent}, serviceName: front-door }`

function ofKind(spans: readonly ReceivedSpan[], kind: string): readonly ReceivedSpan[] {
  return spans.filter((span) => span.kind === kind)
}

function assertNested(outer: ReceivedSpan, inner: ReceivedSpan): void {
  const times = [outer.startNs, inner.startNs, inner.endNs, outer.endNs]
  assert.deepEqual(
    times,
    times.toSorted((a, b) => Number(a - b)),
  )
}

describe('a traced request', () => {
  test('is a server span with a client span below, which the backend is told of', async () => {
    await using collector = await TestCollector.listen()
    await using backend = await FieldBackend.listen()
    await using proxy = await TracedProxy.start({
      backends: [backend.port],
      tracing: tracingTo(collector.endpoint, 0),
    })
    await proxy.call('/books/7?token=secret', { traceparent: sampled, tracestate: 'a=1', 'user-agent': 'me' })
    const scraped = await proxy.scrape('application/openmetrics-text; version=1.0.0, text/plain; q=0.5')
    const plain = await proxy.scrape('text/plain')
    const [logged] = await proxy.stop()
    const [server] = ofKind(collector.spans, 'server')
    const [client] = ofKind(collector.spans, 'client')
    assert.equal(collector.spans.length, 2)
    assert.ok(server && client)
    assert.deepEqual([server.traceId, server.parentId, server.tracestate], [traceId, parentId, 'a=1'])
    assert.deepEqual([client.traceId, client.parentId, client.tracestate], [traceId, server.spanId, 'a=1'])
    assert.equal(backend.asked[0]?.['traceparent'], `00-${traceId}-${client.spanId}-01`)
    assert.equal(backend.asked[0]['tracestate'], 'a=1')
    assert.equal(logged?.['trace_id'], traceId)
    // The parent of the first is in another process, that of the second in this one.
    assert.deepEqual([server.flags, client.flags], [0x301, 0x101])
    assertNested(server, client)
    assert.equal(server.resource['service.name'], 'front-door')
    assert.match(String(server.resource['service.instance.id']), /^[0-9a-f-]{36}$/u)
    const { attributes } = server
    assert.equal(server.name, 'GET')
    assert.equal(attributes['http.request.method'], 'GET')
    assert.equal(attributes['http.response.status_code'], 200)
    assert.equal(attributes['url.path'], '/books/7')
    assert.equal(attributes['url.scheme'], 'http')
    assert.equal(attributes['user_agent.original'], 'me')
    assert.equal(attributes['network.protocol.version'], '1.1')
    assert.equal(attributes['tulle.route'], 'static static/front rule 0 (all)')
    assert.equal(attributes['tulle.response_flags'], '-')
    assert.equal(client.attributes['network.peer.port'], backend.port)
    assert.match(String(client.attributes['url.full']), /^http:\/\/127\..*:\d+\/books\/7$/u)
    assert.match(scraped.type, /^application\/openmetrics-text/u)
    const exemplar = ` # {trace_id="${traceId}",span_id="${server.spanId}"} `
    const lines = scraped.text.split('\n').filter((line) => line.includes(' # {'))
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^istio_request_duration_milliseconds_bucket\{/u)
    assert.ok(lines[0]?.includes(exemplar))
    assert.match(plain.type, /^text\/plain/u)
    assert.ok(plain.text.includes('istio_requests_total{') && !plain.text.includes('trace_id'))
    assert.ok(![server, client].some((span) => JSON.stringify(span.attributes).includes('secret')))
  })

  test('has spans that lie one in the other, to the nanosecond', async () => {
    await using collector = await TestCollector.listen()
    await using backend = await FieldBackend.listen()
    await using proxy = await TracedProxy.start({
      backends: [backend.port],
      tracing: tracingTo(collector.endpoint, 100),
    })
    for (let i = 0; i < 50; i++) await proxy.call('/')
    await proxy.stop()
    const clients = new Map(ofKind(collector.spans, 'client').map((span) => [span.parentId, span]))
    assert.equal(clients.size, 50)
    for (const server of ofKind(collector.spans, 'server')) {
      const client = clients.get(server.spanId)
      assert.ok(client !== undefined)
      assertNested(server, client)
    }
  })

  test('that is tried again has a client span for each try, side by side', async () => {
    await using collector = await TestCollector.listen()
    await using backend = await FieldBackend.listen()
    backend.statuses.push(503, 503)
    await using proxy = await TracedProxy.start({
      backends: [backend.port],
      tracing: tracingTo(collector.endpoint, 100),
      rule: 'retry: { codes: [503], attempts: 2, backoff: 1ms }',
    })
    assert.equal((await proxy.call('/')).status, 200)
    await proxy.stop()
    const [server] = ofKind(collector.spans, 'server')
    const clients = ofKind(collector.spans, 'client')
    assert.equal(server?.attributes['tulle.attempts'], 3)
    assert.equal(server.failed, false)
    assert.deepEqual(
      clients.map(({ parentId: parent }) => parent),
      [server.spanId, server.spanId, server.spanId],
    )
    assert.deepEqual(
      clients.map(({ attributes, failed }) => [
        attributes['http.response.status_code'],
        attributes['error.type'],
        attributes['http.request.resend_count'],
        failed,
      ]),
      [
        [503, '503', undefined, true],
        [503, '503', 1, true],
        [200, undefined, 2, false],
      ],
    )
    assert.deepEqual(
      backend.asked.map(({ traceparent }) => String(traceparent).slice(36, 52)),
      clients.map(({ spanId }) => spanId),
    )
  })

  test('that is refused or finds nobody says so', async () => {
    await using collector = await TestCollector.listen()
    const gone = await FieldBackend.listen()
    const { port } = gone
    await gone[Symbol.asyncDispose]()
    await using proxy = await TracedProxy.start({
      backends: [port],
      tracing: tracingTo(collector.endpoint, 100),
    })
    assert.equal((await proxy.call('/admin')).status, 403)
    assert.equal((await proxy.call('/')).status, 503)
    await proxy.stop()
    const [refused, failed] = ofKind(collector.spans, 'server')
    assert.equal(refused?.attributes['http.response.status_code'], 403)
    assert.equal(refused.attributes['tulle.verdict'], 'refused')
    assert.equal(refused.attributes['tulle.policy'], 'static/no-admin')
    assert.equal(refused.attributes['tulle.response_flags'], 'UAEX')
    // A refusal is no failure of whoever refuses. (Semantic conventions, HTTP server spans.)
    assert.equal(refused.failed, false)
    assert.equal(failed?.failed, true)
    assert.equal(failed.attributes['tulle.reason'], 'connect_failed')
    const clients = ofKind(collector.spans, 'client')
    assert.ok(clients.length > 0)
    assert.ok(clients.every(({ attributes }) => attributes['error.type'] === 'connect_failed'))
  })
})

describe('the trace of a request', () => {
  test('is passed on as it came where its caller does not record it', async () => {
    await using collector = await TestCollector.listen()
    await using backend = await FieldBackend.listen()
    await using proxy = await TracedProxy.start({
      backends: [backend.port],
      tracing: tracingTo(collector.endpoint, 100),
    })
    await proxy.call('/', { traceparent: unsampled, tracestate: 'a=1' })
    const [logged] = await proxy.stop()
    assert.equal(backend.asked[0]?.['traceparent'], unsampled)
    assert.equal(backend.asked[0]['tracestate'], 'a=1')
    assert.equal(logged?.['trace_id'], traceId)
    assert.equal(collector.posts.length, 0)
  })

  test('begins here where none came, and whoever is called learns that it is not recorded', async () => {
    await using collector = await TestCollector.listen()
    await using backend = await FieldBackend.listen()
    await using proxy = await TracedProxy.start({
      backends: [backend.port],
      tracing: tracingTo(collector.endpoint, 0),
    })
    await proxy.call('/', { tracestate: 'a=1' })
    const [logged] = await proxy.stop()
    const [, id] =
      /^00-([0-9a-f]{32})-[0-9a-f]{16}-02$/u.exec(String(backend.asked[0]?.['traceparent'])) ?? []
    assert.ok(id !== undefined && logged?.['trace_id'] === id)
    assert.equal(backend.asked[0]?.['tracestate'], undefined)
    assert.equal(collector.posts.length, 0)
  })

  const hostile: readonly (readonly [string, string | readonly string[]])[] = [
    ['of zeros', `00-${'0'.repeat(32)}-${parentId}-01`],
    ['in upper case', sampled.toUpperCase()],
    ['of a forbidden version', `ff-${traceId}-${parentId}-01`],
    ['that is endless', `01-${traceId}-${parentId}-01-${'x'.repeat(4000)}`],
    ['that comes twice', [sampled, sampled]],
  ]
  test(`begins anew in the place of what is malformed: ${hostile.map(([name]) => name).join(', ')}`, async () => {
    await using collector = await TestCollector.listen()
    await using backend = await FieldBackend.listen()
    await using proxy = await TracedProxy.start({
      backends: [backend.port],
      tracing: tracingTo(collector.endpoint, 100),
    })
    for (const [, traceparent] of hostile) await proxy.call('/', { traceparent, tracestate: 'a=1' })
    await proxy.stop()
    const servers = ofKind(collector.spans, 'server')
    assert.equal(servers.length, hostile.length)
    for (const [i, server] of servers.entries()) {
      const name = hostile[i]?.[0] ?? ''
      assert.notEqual(server.traceId, traceId, name)
      assert.deepEqual([server.parentId, server.tracestate], ['', ''], name)
      assert.equal(String(backend.asked[i]?.['traceparent']).slice(0, 36), `00-${server.traceId}-`, name)
      assert.equal(backend.asked[i]?.['tracestate'], undefined, name)
    }
  })

  test('loses a malformed tracestate, and that alone', async () => {
    await using collector = await TestCollector.listen()
    await using backend = await FieldBackend.listen()
    await using proxy = await TracedProxy.start({
      backends: [backend.port],
      tracing: tracingTo(collector.endpoint, 0),
    })
    await proxy.call('/', { traceparent: sampled, tracestate: 'A=1' })
    await proxy.call('/', { traceparent: sampled, tracestate: ['a=1', 'b=2'] })
    await proxy.stop()
    assert.deepEqual(
      backend.asked.map(({ tracestate }) => tracestate),
      [undefined, 'a=1,b=2'],
    )
    assert.ok(collector.spans.every((span) => span.traceId === traceId))
  })

  test('is left alone, whatever it is, while tracing is off; the log has its id', async () => {
    await using backend = await FieldBackend.listen()
    await using proxy = await TracedProxy.start({ backends: [backend.port], tracing: '' })
    const strange = { traceparent: 'strange', tracestate: 'A=1,,' }
    await proxy.call('/', strange)
    await proxy.call('/', { traceparent: sampled })
    await proxy.call('/')
    const logged = await proxy.stop()
    assert.deepEqual(
      backend.asked.map(({ traceparent, tracestate }) => [traceparent, tracestate]),
      [
        ['strange', 'A=1,,'],
        [sampled, undefined],
        [undefined, undefined],
      ],
    )
    assert.deepEqual(
      logged.map((line) => line['trace_id']),
      [undefined, traceId, undefined],
    )
  })
})

test('a collector that never answers holds up no request', async () => {
  await using collector = await TestCollector.listen()
  collector.answers.push(...Array.from({ length: 100 }, () => () => undefined))
  await using backend = await FieldBackend.listen()
  await using proxy = await TracedProxy.start({
    backends: [backend.port],
    tracing: tracingTo(collector.endpoint, 100),
  })
  const statuses = new Set<number>()
  while (collector.posts.length === 0) statuses.add((await proxy.call('/')).status)
  for (let i = 0; i < 20; i++) statuses.add((await proxy.call('/')).status)
  assert.deepEqual([...statuses], [200])
})
