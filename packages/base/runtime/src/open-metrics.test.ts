import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MergedMetrics } from './merged-metrics.ts'
import { metricsReply } from './metrics-reply.ts'
import { MetricsRegistry } from './metrics-registry.ts'
import { expositionText } from './open-metrics.ts'

function textOf(registry: MetricsRegistry): string {
  return [...expositionText(registry.snapshot())].join('')
}

test('expositionText writes counters, gauges and histograms', () => {
  const registry = new MetricsRegistry()
  registry.counter('istio_tcp_sent_bytes', 'Bytes sent.', ['reporter', 'flags']).bind('source', '-').inc(12)
  registry.gauge('open', 'Open now.').bind().set(-1.5)
  const family = registry.histogram({
    name: 'took_seconds',
    help: 'Took.',
    labelNames: ['to'],
    buckets: [0.5, 1],
  })
  for (const value of [0.25, 0.75, 0.75, 9]) family.bind('a').observe(value)
  assert.equal(
    textOf(registry),
    [
      '# TYPE istio_tcp_sent_bytes counter',
      '# HELP istio_tcp_sent_bytes Bytes sent.',
      'istio_tcp_sent_bytes_total{reporter="source",flags="-"} 12',
      '# TYPE open gauge',
      '# HELP open Open now.',
      'open -1.5',
      '# TYPE took_seconds histogram',
      '# HELP took_seconds Took.',
      'took_seconds_bucket{to="a",le="0.5"} 1',
      'took_seconds_bucket{to="a",le="1.0"} 3',
      'took_seconds_bucket{to="a",le="+Inf"} 4',
      'took_seconds_count{to="a"} 4',
      'took_seconds_sum{to="a"} 10.75',
      '# EOF',
      '',
    ].join('\n'),
  )
})

test('expositionText names a counter once with _total, whether its name had it or not', () => {
  const registry = new MetricsRegistry()
  registry.counter('x_total', 'X.').bind().inc()
  assert.match(textOf(registry), /^# TYPE x counter\n# HELP x X\.\nx_total 1\n/u)
})

test('expositionText lets no label value end its line or its quotes', () => {
  const registry = new MetricsRegistry()
  registry.gauge('x', 'A\\B\nC', ['a']).bind('"} 1\nevil 2\\').set(1)
  assert.equal(textOf(registry), '# TYPE x gauge\n# HELP x A\\\\B\\nC\nx{a="\\"} 1\\nevil 2\\\\"} 1\n# EOF\n')
})

test('expositionText writes what is no finite number as OpenMetrics does', () => {
  const registry = new MetricsRegistry()
  const gauge = registry.gauge('x', 'X.', ['a'])
  for (const value of [Infinity, -Infinity, Number.NaN]) gauge.bind(String(value)).set(value)
  const values = textOf(registry).matchAll(/\} (\S+)/gu)
  assert.deepEqual(
    [...values].map(([, value]) => value),
    ['+Inf', '-Inf', 'NaN'],
  )
})

test('expositionText of nothing is an end', () => {
  assert.equal(textOf(new MetricsRegistry()), '# EOF\n')
})

test('expositionText gives thousands of series in chunks, and makes each only when it is asked for', () => {
  const registry = new MetricsRegistry()
  const family = registry.histogram({ name: 'h', help: 'H.', labelNames: ['n'], buckets: [1, 2, 5, 10] })
  for (let i = 0; i < 3000; i++) family.bind(`series ${i}`).observe(i)
  const snapshot = registry.snapshot()
  let reads = 0
  const family0 = snapshot.families[0]
  assert.ok(family0)
  const counted = family0.series.map((series) => ({
    labels: series.labels,
    get values() {
      reads++
      return series.values
    },
  }))
  const chunks = expositionText({ families: [{ ...family0, series: counted }] })
  const first = chunks.next()
  assert.ok(reads > 0 && reads < 3000, `expected a part, found ${reads} reads`)
  const rest = [...chunks]
  assert.ok(rest.length > 20)
  for (const chunk of rest) assert.ok(chunk.length < 64 * 1024)
  assert.equal(`${String(first.value)}${rest.join('')}`.match(/h_count\{/gu)?.length, 3000)
})

test('expositionText writes the newest exemplar of each bucket, in OpenMetrics alone', () => {
  const registry = new MetricsRegistry()
  const family = registry.histogram({ name: 'took', help: 'T.', labelNames: ['to'], buckets: [1, 10] })
  const trace = (id: string, timeMs: number): { labels: string; timeMs: number } => ({
    labels: `trace_id="${id}",span_id="b7"`,
    timeMs,
  })
  family.bind('a').observe(0.5, trace('older', 1_800_000_000_250))
  family.bind('a').observe(0.75, trace('newer', 1_800_000_001_500))
  family.bind('a').observe(0.25)
  family.bind('a').observe(70, trace('slow', 1_800_000_002_000))
  family.bind('b').observe(1)
  const merged = new MergedMetrics()
  // As they come from another thread.
  for (const slice of registry.slices()) merged.add(structuredClone(slice))
  assert.deepEqual([...merged.text()].join('').split('\n').slice(2), [
    'took_bucket{to="a",le="1.0"} 3 # {trace_id="newer",span_id="b7"} 0.75 1800000001.500',
    'took_bucket{to="a",le="10.0"} 3',
    'took_bucket{to="a",le="+Inf"} 4 # {trace_id="slow",span_id="b7"} 70 1800000002.000',
    'took_count{to="a"} 4',
    'took_sum{to="a"} 71.5',
    'took_bucket{to="b",le="1.0"} 1',
    'took_bucket{to="b",le="10.0"} 1',
    'took_bucket{to="b",le="+Inf"} 1',
    'took_count{to="b"} 1',
    'took_sum{to="b"} 1',
    '# EOF',
    '',
  ])
  const plain = [...merged.text('plain')].join('')
  assert.ok(!plain.includes('trace_id') && !plain.includes('# EOF'))
})

test('expositionText takes the newest exemplar of several threads', () => {
  const merged = new MergedMetrics()
  for (const timeMs of [2000, 3000, 1000]) {
    const registry = new MetricsRegistry()
    const family = registry.histogram({ name: 'took', help: 'T.', labelNames: [], buckets: [1] })
    family.bind().observe(0.5, { labels: `trace_id="${timeMs}"`, timeMs })
    for (const slice of registry.slices()) merged.add(slice)
  }
  assert.match([...merged.text()].join(''), /le="1\.0"\} 3 # \{trace_id="3000"\} 0\.5 3\.000\n/u)
})

test('a series that makes room for another takes its exemplars along', () => {
  const registry = new MetricsRegistry()
  const shape = { name: 'took', help: 'T.', labelNames: ['to'], buckets: [1] }
  const family = registry.histogram(shape, { maxSeries: 1 })
  const gone = family.bind('gone')
  gone.observe(0.5, { labels: 'trace_id="gone"', timeMs: 1 })
  family.release(gone)
  family.bind('heir').observe(0.5)
  const merged = new MergedMetrics()
  for (const slice of registry.slices()) merged.add(slice)
  assert.ok(![...merged.text()].join('').includes('trace_id'))
})

test('expositionText calls a counter by the name of its sample in the plain format', () => {
  const registry = new MetricsRegistry()
  registry.counter('x', 'X.').bind().inc()
  const text = [...expositionText(registry.snapshot(), 'plain')].join('')
  assert.equal(text, '# TYPE x_total counter\n# HELP x_total X.\nx_total 1\n')
})

for (const [accept, isOpen] of [
  ['', false],
  ['*/*', false],
  ['text/plain;version=0.0.4', false],
  ['application/openmetrics-text;q=0.0, text/plain', false],
  ['application/openmetrics-text', true],
  ['text/plain;q=0.5, Application/OpenMetrics-Text; version=1.0.0; q=0.7', true],
] as const)
  test(`metricsReply answers Accept "${accept}" ${isOpen ? 'in OpenMetrics' : 'in plain text'}`, () => {
    const reply = metricsReply({ accept }, (format) => [format])
    assert.ok(reply.kind === 'text')
    assert.match(
      reply.contentType,
      isOpen ? /^application\/openmetrics-text; version=1\.0\.0/u : /^text\/plain/u,
    )
    assert.deepEqual([...reply.text], [isOpen ? 'openmetrics' : 'plain'])
  })
