import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetricsRegistry } from './metrics-registry.ts'
import { openMetricsText } from './open-metrics.ts'

function textOf(registry: MetricsRegistry): string {
  return [...openMetricsText(registry.snapshot())].join('')
}

test('openMetricsText writes counters, gauges and histograms', () => {
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

test('openMetricsText names a counter once with _total, whether its name had it or not', () => {
  const registry = new MetricsRegistry()
  registry.counter('x_total', 'X.').bind().inc()
  assert.match(textOf(registry), /^# TYPE x counter\n# HELP x X\.\nx_total 1\n/u)
})

test('openMetricsText lets no label value end its line or its quotes', () => {
  const registry = new MetricsRegistry()
  registry.gauge('x', 'A\\B\nC', ['a']).bind('"} 1\nevil 2\\').set(1)
  assert.equal(textOf(registry), '# TYPE x gauge\n# HELP x A\\\\B\\nC\nx{a="\\"} 1\\nevil 2\\\\"} 1\n# EOF\n')
})

test('openMetricsText writes what is no finite number as OpenMetrics does', () => {
  const registry = new MetricsRegistry()
  const gauge = registry.gauge('x', 'X.', ['a'])
  for (const value of [Infinity, -Infinity, Number.NaN]) gauge.bind(String(value)).set(value)
  const values = textOf(registry).matchAll(/\} (\S+)/gu)
  assert.deepEqual(
    [...values].map(([, value]) => value),
    ['+Inf', '-Inf', 'NaN'],
  )
})

test('openMetricsText of nothing is an end', () => {
  assert.equal(textOf(new MetricsRegistry()), '# EOF\n')
})

test('openMetricsText gives thousands of series in chunks, and makes each only when it is asked for', () => {
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
  const chunks = openMetricsText({ families: [{ ...family0, series: counted }] })
  const first = chunks.next()
  assert.ok(reads > 0 && reads < 3000, `expected a part, found ${reads} reads`)
  const rest = [...chunks]
  assert.ok(rest.length > 20)
  for (const chunk of rest) assert.ok(chunk.length < 64 * 1024)
  assert.equal(`${String(first.value)}${rest.join('')}`.match(/h_count\{/gu)?.length, 3000)
})
