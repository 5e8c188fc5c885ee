import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MergedMetrics, mergeMetrics } from './merged-metrics.ts'
import { MetricsRegistry } from './metrics-registry.ts'
import type { MetricsSlice, MetricsSnapshot } from './metrics-snapshot.ts'
import { expositionText } from './open-metrics.ts'

/** The values of each series of a family by its labels. */
function valuesOf(snapshot: MetricsSnapshot, name: string): Record<string, readonly number[]> {
  const family = snapshot.families.find((one) => one.name === name)
  return Object.fromEntries((family?.series ?? []).map(({ labels, values }) => [labels.join('|'), values]))
}

test('MetricsRegistry counts, sets and observes by label values', () => {
  const registry = new MetricsRegistry()
  const opened = registry.counter('opened', 'Opened.', ['reporter'])
  opened.bind('source').inc()
  opened.bind('source').inc(2)
  opened.bind('destination').inc()
  const open = registry.gauge('open', 'Open.')
  open.bind().set(5)
  open.bind().inc(-2)
  const seconds = registry.histogram({ name: 'seconds', help: 'S.', labelNames: [], buckets: [0.1, 1] })
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.bind().observe(value)
  const snapshot = registry.snapshot()
  assert.deepEqual(valuesOf(snapshot, 'opened'), { source: [3], destination: [1] })
  assert.deepEqual(valuesOf(snapshot, 'open'), { '': [3] })
  assert.deepEqual(valuesOf(snapshot, 'seconds'), { '': [2, 1, 1, 7.65] })
})

test('MetricsRegistry.bind gives the same child for the same label values, however they might be joined', () => {
  const family = new MetricsRegistry().counter('x', 'X.', ['a', 'b'])
  assert.equal(family.bind('1', '2'), family.bind('1', '2'))
  assert.notEqual(family.bind('1\0', '2'), family.bind('1', '\u00002'))
})

test('MetricsRegistry keeps the numbers of many series apart while it grows', () => {
  const registry = new MetricsRegistry()
  const family = registry.histogram({ name: 'h', help: 'H.', labelNames: ['n'], buckets: [10] })
  const children = Array.from({ length: 1000 }, (_, i) => family.bind(String(i)))
  for (const [i, child] of children.entries()) for (let n = 0; n <= i % 7; n++) child.observe(i)
  const values = valuesOf(registry.snapshot(), 'h')
  for (let i = 0; i < 1000; i++) {
    const count = (i % 7) + 1
    assert.deepEqual(values[String(i)], i <= 10 ? [count, 0, count * i] : [0, count, count * i])
  }
})

test('MetricsRegistry caps the series of a family: what is beyond counts as overflow, and is counted', () => {
  const registry = new MetricsRegistry()
  const family = registry.counter('x', 'X.', ['a', 'b'], { maxSeries: 2 })
  for (const label of ['1', '2', '3', '4', '1']) family.bind(label, 'b').inc()
  const snapshot = registry.snapshot()
  assert.deepEqual(valuesOf(snapshot, 'x'), { '1|b': [2], '2|b': [1], 'overflow|overflow': [2] })
  assert.deepEqual(valuesOf(snapshot, 'tulle_metrics_overflow'), { x: [2] })
})

test('MetricsRegistry gives the place of a series that no snapshot saw change to a new one', () => {
  const registry = new MetricsRegistry()
  const family = registry.counter('x', 'X.', ['a'], { maxSeries: 2 })
  const old = family.bind('old')
  old.inc(7)
  const busy = family.bind('busy')
  for (let i = 0; i < 3; i++) {
    busy.inc()
    registry.snapshot()
  }
  family.bind('new').inc()
  assert.deepEqual(valuesOf(registry.snapshot(), 'x'), { busy: [3], new: [1] })
})

test('MetricsRegistry takes no place from what changed since, nor from a gauge that stands at something', () => {
  const registry = new MetricsRegistry()
  const counter = registry.counter('c', 'C.', ['a'], { maxSeries: 1 })
  const gauge = registry.gauge('g', 'G.', ['a'], { maxSeries: 1 })
  counter.bind('old').inc()
  gauge.bind('old').inc()
  for (let i = 0; i < 5; i++) registry.snapshot()
  counter.bind('old').inc()
  counter.bind('new').inc()
  gauge.bind('new').inc()
  assert.deepEqual(valuesOf(registry.snapshot(), 'c'), { old: [2], overflow: [1] })
  gauge.bind('old').inc(-1)
  for (let i = 0; i < 3; i++) registry.snapshot()
  gauge.bind('newer').inc()
  assert.deepEqual(valuesOf(registry.snapshot(), 'g'), { newer: [1], overflow: [1] })
})

test('MetricsRegistry.release forgets a series, and a child used after it harms nobody', () => {
  const registry = new MetricsRegistry()
  const family = registry.counter('x', 'X.', ['a'], { maxSeries: 1 })
  const gone = family.bind('gone')
  gone.inc(9)
  family.release(gone)
  const heir = family.bind('heir')
  heir.inc()
  gone.inc(100)
  assert.deepEqual(valuesOf(registry.snapshot(), 'x'), { heir: [1], overflow: [100] })
  family.release(heir)
  gone.inc()
  assert.deepEqual(valuesOf(registry.snapshot(), 'x'), { gone: [1], overflow: [100] })
})

test('MetricsRegistry lets a released child and its successor count together', () => {
  const registry = new MetricsRegistry()
  const family = registry.counter('x', 'X.', ['a'])
  const first = family.bind('a')
  family.release(first)
  const second = family.bind('a')
  first.inc()
  second.inc()
  assert.deepEqual(valuesOf(registry.snapshot(), 'x'), { a: [2] })
  family.release(second)
  family.bind('b').inc(5)
  first.inc()
  assert.deepEqual(valuesOf(registry.snapshot(), 'x'), { b: [5], a: [1] })
})

test('MetricsRegistry shortens long label values, and mends broken text', () => {
  const registry = new MetricsRegistry()
  registry
    .counter('x', 'X.', ['a'])
    .bind(`\ud800${'a'.repeat(10_000)}`)
    .inc()
  assert.deepEqual(Object.keys(valuesOf(registry.snapshot(), 'x')), [`\ufffd${'a'.repeat(255)}`])
})

test('MetricsRegistry takes a definition twice, but not two of them, nor what is no metric', () => {
  const registry = new MetricsRegistry()
  const family = registry.counter('x', 'X.', ['a'])
  assert.equal(registry.counter('x', 'X.', ['a']), family)
  assert.throws(() => registry.gauge('x', 'X.', ['a']), /defined in one way only/u)
  assert.throws(() => family.bind(), /x has 1 labels/u)
  assert.throws(() => registry.counter('no-dash', ''), /is a metric name/u)
  assert.throws(() => registry.counter('y', '', ['le']), /is a label name/u)
  assert.throws(
    () => registry.histogram({ name: 'z', help: '', labelNames: [], buckets: [2, 1] }),
    /finite and rise/u,
  )
})

test('mergeMetrics adds up the series of several workers', async () => {
  const worker = (label: string, by: number): readonly MetricsSlice[] => {
    const registry = new MetricsRegistry()
    registry.counter('x', 'X.', ['a']).bind(label).inc(by)
    registry.gauge('open', 'O.').bind().set(by)
    registry
      .histogram({ name: 'h', help: 'H.', labelNames: [], buckets: [1] })
      .bind()
      .observe(by)
    // As it comes from another thread.
    return structuredClone([...registry.slices()])
  }
  const merged = await mergeMetrics(worker('a', 1), worker('b', 2), worker('a', 3))
  assert.deepEqual(valuesOf(merged, 'x'), { a: [4], b: [2] })
  assert.deepEqual(valuesOf(merged, 'open'), { '': [6] })
  assert.deepEqual(valuesOf(merged, 'h'), { '': [1, 2, 6] })
  assert.deepEqual((await mergeMetrics()).families, [])
  assert.equal([...merged.text()].join(''), [...expositionText(merged)].join(''))
})

test('MetricsRegistry.slices gives thousands of series in slices, each made when it is asked for', () => {
  const registry = new MetricsRegistry()
  const family = registry.counter('x', 'X.', ['a', 'b'])
  for (let i = 0; i < 3000; i++) family.bind(`${i}`, 'a "quoted"\nline \\').inc(i)
  const slices = registry.slices()
  const first = slices.next()
  assert.ok(first.done !== true && first.value.texts.length < 1000)
  // What is bound meanwhile is not missed, and nothing comes twice.
  family.bind('late', '').inc(7)
  const merged = new MergedMetrics()
  merged.add(first.value)
  for (const slice of slices) merged.add(slice)
  const series = merged.families[0]?.series ?? []
  assert.equal(series.length, 3001)
  assert.deepEqual(series[42], { labels: ['42', 'a "quoted"\nline \\'], values: [42] })
  assert.deepEqual(series.at(-1), { labels: ['late', ''], values: [7] })
})
