/** Spans on their way to a collector on a real socket: what it answers, and what becomes of them. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { seededRng, TestClock } from '@tulle/core'
import type { Span } from '@tulle/otlp'
import { MergedMetrics, silentLog } from '@tulle/runtime'
import { HttpCollector, SpanExporter, SpanMetrics } from '@tulle/span-export'
import { TestCollector } from '../support/test-collector.ts'

const span: Span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentId: undefined,
  isParentRemote: false,
  flags: 1,
  tracestate: '',
  name: 'GET',
  kind: 'server',
  startMs: 1_800_000_000_000,
  endMs: 1_800_000_000_001,
  attributes: { 'http.request.method': 'GET' },
  failed: false,
}

const answer =
  (status: number, headers: Record<string, string> = {}, body: Uint8Array | string = '') =>
  (response: ServerResponse): void => {
    response.writeHead(status, headers).end(body)
  }

class Bench {
  readonly clock: TestClock = new TestClock()
  readonly metrics: SpanMetrics = new SpanMetrics()
  readonly said: string[] = []
  readonly exporter: SpanExporter

  constructor(url: string) {
    const log = {
      ...silentLog,
      warn: (message: string, fields: unknown) => void this.said.push(`${message} ${JSON.stringify(fields)}`),
      info: (message: string) => void this.said.push(message),
    }
    this.exporter = new SpanExporter(
      { 'service.name': 'test' },
      { clock: this.clock, rng: seededRng(1), log, metrics: this.metrics, collector: new HttpCollector(url) },
    )
  }

  add(count: number): void {
    for (let i = 0; i < count; i++) this.exporter.add({ ...span, name: `n${i}` })
  }

  /** Time goes on until it holds. */
  async pass(holds: () => boolean): Promise<void> {
    while (!holds()) await this.clock.advance(500)
  }

  counted(): Readonly<Record<string, number>> {
    const merged = new MergedMetrics()
    for (const slice of this.metrics.slices()) merged.add(slice)
    return Object.fromEntries(
      merged.families.flatMap(({ name, series }) =>
        series.map(({ labels, values }) => [[name, ...labels].join(' '), values[0] ?? 0]),
      ),
    )
  }
}

const exported = 'tulle_spans_exported'
const dropped = (reason: string): string => `tulle_spans_dropped ${reason}`

describe('SpanExporter', () => {
  test('sends a batch after a second, compressed, to the path of the protocol', async () => {
    await using collector = await TestCollector.listen()
    const bench = new Bench(`${collector.endpoint}/v1/traces`)
    bench.add(3)
    await bench.clock.advance(999)
    assert.equal(collector.posts.length, 0)
    await bench.clock.advance(1)
    const spans = await collector.received(3)
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['n0', 'n1', 'n2'],
    )
    assert.deepEqual(spans[0]?.resource, { 'service.name': 'test' })
    const [post] = collector.posts
    assert.equal(`${post?.method} ${post?.url}`, 'POST /v1/traces')
    assert.equal(post?.headers['content-type'], 'application/x-protobuf')
    assert.equal(post.headers['content-encoding'], 'gzip')
    await bench.exporter.flush()
    assert.deepEqual(bench.counted(), { [exported]: 3 })
  })

  test('sends a full batch at once, and no more than one at a time', async () => {
    await using collector = await TestCollector.listen()
    const held: ServerResponse[] = []
    collector.answers.push((response) => void held.push(response))
    const bench = new Bench(`${collector.endpoint}/v1/traces`)
    bench.add(1100)
    await collector.until(() => held.length === 1)
    assert.equal(collector.posts.length, 1)
    held[0]?.end()
    await collector.until(() => collector.posts.length === 3)
    await bench.exporter.flush()
    assert.equal(bench.counted()[exported], 1100)
    assert.deepEqual(
      collector.posts.slice(1).map(({ spans }) => spans.length),
      [512, 76],
    )
  })

  for (const status of [429, 502, 503, 504]) {
    test(`tries again after ${status}, when the collector asks for it`, async () => {
      await using collector = await TestCollector.listen()
      collector.answers.push(answer(status, { 'retry-after': '30' }))
      const bench = new Bench(`${collector.endpoint}/v1/traces`)
      bench.add(2)
      await bench.clock.advance(1000)
      await collector.until(() => collector.posts.length === 1)
      await bench.pass(() => bench.clock.pending > 0)
      const askedMs = bench.clock.monotonicMs()
      await bench.pass(() => collector.posts.length === 2)
      assert.ok(bench.clock.monotonicMs() - askedMs >= 29_000)
      await bench.exporter.flush()
      assert.deepEqual(bench.counted(), { [exported]: 2 })
      assert.match(
        bench.said.join('\n'),
        new RegExp(`the collector answers ${status}.*\\n.*takes spans again`, 'u'),
      )
    })
  }

  test('drops what the collector refuses, and says why', async () => {
    await using collector = await TestCollector.listen()
    collector.answers.push(answer(400, {}, 'no\u0000 such tenant'))
    const bench = new Bench(`${collector.endpoint}/v1/traces`)
    bench.add(2)
    await bench.clock.advance(1000)
    await bench.exporter.flush()
    assert.equal(collector.posts.length, 1)
    assert.deepEqual(bench.counted(), { [exported]: 0, [dropped('rejected')]: 2 })
    assert.match(bench.said.join(), /answers 400: no such tenant; these spans are dropped/u)
  })

  test('follows no redirect: spans go where a user said', async () => {
    await using collector = await TestCollector.listen()
    collector.answers.push(answer(307, { location: `${collector.endpoint}/elsewhere` }))
    const bench = new Bench(`${collector.endpoint}/v1/traces`)
    bench.add(1)
    await bench.exporter.flush()
    assert.deepEqual(
      collector.posts.map(({ url }) => url),
      ['/v1/traces'],
    )
    assert.equal(bench.counted()[dropped('rejected')], 1)
  })

  test('counts spans that a collector took only in part', async () => {
    await using collector = await TestCollector.listen()
    // ExportTracePartialSuccess: rejected_spans = 2, error_message = "old".
    collector.answers.push(
      answer(200, {}, Buffer.from('0a0710021203' + Buffer.from('old').toString('hex'), 'hex')),
    )
    collector.answers.push(
      answer(200, {}, Buffer.from('0a0708021203' + Buffer.from('old').toString('hex'), 'hex')),
    )
    const bench = new Bench(`${collector.endpoint}/v1/traces`)
    bench.add(3)
    await bench.clock.advance(1000)
    await collector.until(() => collector.posts.length === 1)
    await bench.pass(() => bench.counted()[exported] === 3)
    bench.add(3)
    await bench.exporter.flush()
    assert.deepEqual(bench.counted(), { [exported]: 4, [dropped('rejected')]: 2 })
    assert.match(bench.said.join(), /the collector says: old/u)
  })

  test('gives a batch up when nobody answers for too long, and holds no more than 4096 spans meanwhile', async () => {
    const gone = await TestCollector.listen()
    const url = `${gone.endpoint}/v1/traces`
    await gone[Symbol.asyncDispose]()
    const bench = new Bench(url)
    bench.add(6000)
    // One batch is under way, and 4096 wait.
    assert.equal(bench.counted()[dropped('queue_full')], 6000 - 512 - 4096)
    await bench.pass(() => (bench.counted()[dropped('unreachable')] ?? 0) >= 512)
    assert.equal(bench.said.filter((line) => line.includes('ECONNREFUSED')).length, 1)
    await bench.exporter.flush()
    assert.equal(bench.counted()[exported], 0)
    assert.equal(bench.counted()[dropped('unreachable')], 512 + 4096)
  })

  test('a collector that answers without end, or not in its protocol, harms nothing', async () => {
    await using collector = await TestCollector.listen()
    collector.answers.push((response) => {
      const more = (): void => void response.write(Buffer.alloc(65_536))
      response.on('drain', more)
      more()
    })
    collector.answers.push((response) => void response.socket?.end('HTTP/1.1 9x nonsense\r\n\r\n'))
    const bench = new Bench(`${collector.endpoint}/v1/traces`)
    bench.add(1)
    await bench.clock.advance(1000)
    await bench.pass(() => bench.counted()[exported] === 1)
    bench.add(1)
    await bench.exporter.flush()
    assert.equal(bench.counted()[dropped('unreachable')], 1)
  })

  test('its end tries what waits once more, without waiting for its turn', async () => {
    await using collector = await TestCollector.listen()
    collector.answers.push(answer(503, { 'retry-after': '60' }))
    const bench = new Bench(`${collector.endpoint}/v1/traces`)
    bench.add(1)
    await bench.clock.advance(1000)
    await collector.until(() => collector.posts.length === 1)
    bench.add(2)
    await bench.exporter.flush()
    assert.deepEqual(bench.counted(), { [exported]: 3 })
  })
})
