import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Collection, Graph, Source } from './collection.ts'
import { createGraph, graphOn } from './create-graph.ts'
import { Engine } from './engine.ts'

function fill<V>(graph: Graph, source: Source<V>, values: Readonly<Record<string, V>>): void {
  graph.transaction(() => source.replace(new Map(Object.entries(values))))
}

function graphWithErrors(): { graph: Graph; errors: { error: unknown; where: string }[] } {
  const errors: { error: unknown; where: string }[] = []
  return { graph: createGraph({ onError: (error, where) => errors.push({ error, where }) }), errors }
}

test('derive() runs once for each key of a diamond in one transaction', () => {
  const graph = createGraph()
  const source = graph.source<number>('source')
  const left = graph.derive('left', source, (value) => value + 1)
  const right = graph.derive('right', source, (value) => value * 2)
  const runs: string[] = []
  const bottom = graph.derive('bottom', left, (value, look, key) => {
    runs.push(key)
    return value + (look.one(right, key) ?? 0)
  })
  fill(graph, source, { a: 1, b: 2 })
  assert.deepEqual(runs, ['a', 'b'])
  fill(graph, source, { a: 5, b: 2 })
  assert.deepEqual(runs, ['a', 'b', 'a'])
  assert.equal(bottom.get('a'), 16)
})

test('derive() runs once when it finds, in the middle of a transaction, that it depends on a later collection', () => {
  const graph = createGraph({ checkPurity: false })
  const source = graph.source<number>('source')
  const other = graph.source<number>('other')
  const runs: string[] = []
  const seen: (number | undefined)[] = []
  const deep: { collection?: Collection<number> } = {}
  const early = graph.derive('early', source, (value, look, key) => {
    runs.push(key)
    if (value < 10 || deep.collection === undefined) return value
    const found = look.one(deep.collection, 'x')
    seen.push(found)
    return found
  })
  const readsEarly = graph.derive('reads-early', early, (value) => value)
  const one = graph.derive('one', other, (value) => value + 1)
  deep.collection = graph.derive('two', one, (value) => value + 1)
  fill(graph, source, { a: 1 })
  runs.length = 0
  graph.transaction(() => {
    source.set('a', 10)
    other.set('x', 40)
  })
  assert.deepEqual(runs, ['a'])
  assert.deepEqual(seen, [42])
  assert.equal(readsEarly.get('a'), 42)
  const ranks = new Map(graph.dump().collections.map(({ name, rank }) => [name, rank]))
  assert.equal(ranks.get('early'), 3)
  assert.equal(ranks.get('reads-early'), 4)
})

test('derive() forgets what it no longer looks at', () => {
  const engine = new Engine({})
  const graph = graphOn(engine)
  const pointers = graph.source<string>('pointers')
  const values = graph.source<number>('values')
  let runs = 0
  const derived = graph.derive('derived', pointers, (to, look) => {
    runs++
    return look.one(values, to)
  })
  fill(graph, values, { a: 1, b: 2 })
  fill(graph, pointers, { p: 'a' })
  fill(graph, pointers, { p: 'b' })
  assert.equal(engine.dependencies, 1)
  runs = 0
  fill(graph, values, { a: 9, b: 2 })
  assert.equal(runs, 0)
  fill(graph, values, { a: 9, b: 3 })
  assert.equal(runs, 1)
  assert.equal(derived.get('p'), 3)
})

test('derive() stops what is equal from travelling on', () => {
  const graph = createGraph()
  const source = graph.source<number>('source')
  const parity = graph.derive('parity', source, (value) => ({ odd: value % 2 === 1 }))
  let runs = 0
  graph.derive('after', parity, () => runs++)
  fill(graph, source, { a: 1 })
  const revision = graph.revision
  runs = 0
  fill(graph, source, { a: 3 })
  assert.equal(runs, 0)
  assert.equal(graph.revision, revision + 1)
})

test('derive() keeps its other keys and the former value when its function throws', () => {
  const { graph, errors } = graphWithErrors()
  const source = graph.source<number>('source')
  const derived = graph.derive('inverse', source, (value) => {
    if (value === 0) throw new Error('zero')
    return 1 / value
  })
  fill(graph, source, { a: 2, b: 2 })
  fill(graph, source, { a: 0, b: 4 })
  assert.equal(derived.get('a'), 0.5)
  assert.equal(derived.get('b'), 0.25)
  assert.deepEqual(
    errors.map(({ where }) => where),
    ['inverse: a'],
  )
  fill(graph, source, { a: 1, b: 4 })
  assert.equal(derived.get('a'), 1)
})

test('deriveMany() gives a key that two inputs yield to the input whose key comes first, in any order of events', () => {
  for (const order of [
    ['a', 'b'],
    ['b', 'a'],
  ]) {
    const graph = createGraph()
    const source = graph.source<string>('source')
    const many = graph.deriveMany('many', source, (value, _look, key) => [[value, key]])
    for (const key of order) graph.transaction(() => source.set(key, 'same'))
    assert.equal(many.get('same'), 'a')
    graph.transaction(() => source.delete('a'))
    assert.equal(many.get('same'), 'b')
    graph.transaction(() => source.delete('b'))
    assert.equal(many.size, 0)
  }
})

test('join() prefers the first listed, and falls back when it leaves', () => {
  const graph = createGraph()
  const first = graph.source<string>('first')
  const second = graph.source<string>('second')
  const joined = graph.join('joined', [first, second])
  graph.transaction(() => second.set('k', 'second'))
  graph.transaction(() => first.set('k', 'first'))
  assert.equal(joined.get('k'), 'first')
  graph.transaction(() => first.delete('k'))
  assert.equal(joined.get('k'), 'second')
})

test('index() tells of values that change under the same index key, and of groups that empty', () => {
  const graph = createGraph()
  const pods = graph.source<{ zone: string; ready: boolean }>('pods')
  const byZone = graph.index('by-zone', pods, ({ zone }) => [zone])
  const zones = graph.source<true>('zones')
  fill(graph, zones, { east: true, west: true })
  const ready = graph.derive(
    'ready',
    zones,
    (_value, look, zone) => look.by(byZone, zone).filter((pod) => pod.ready).length,
  )
  fill(graph, pods, { p: { zone: 'east', ready: false }, q: { zone: 'east', ready: true } })
  assert.equal(ready.get('east'), 1)
  fill(graph, pods, { p: { zone: 'east', ready: true }, q: { zone: 'west', ready: true } })
  assert.deepEqual([ready.get('east'), ready.get('west')], [1, 1])
  assert.deepEqual(byZone.by('east'), [{ zone: 'east', ready: true }])
  fill(graph, pods, {})
  assert.deepEqual([ready.get('east'), ready.get('west')], [0, 0])
  assert.equal(graph.dump().collections.find(({ name }) => name === 'by-zone')?.size, 0)
})

test('singleton() follows what it looks at, and is looked at', () => {
  const graph = createGraph()
  const source = graph.source<number>('source')
  const sum = graph.singleton('sum', (look) => look.all(source).reduce((a, b) => a + b, 0))
  const shares = graph.derive('shares', source, (value, look) => value / look.the(sum))
  const heard: number[] = []
  sum.subscribe((value) => heard.push(value))
  fill(graph, source, { a: 1, b: 3 })
  assert.equal(sum.value, 4)
  assert.equal(shares.get('b'), 0.75)
  fill(graph, source, { a: 2, b: 2 })
  assert.deepEqual(heard, [4])
})

test('transaction() joins the outer one, and tells subscribers once', () => {
  const graph = createGraph()
  const source = graph.source<number>('source')
  let told = 0
  source.subscribe(() => told++)
  const revision = graph.transaction(() => {
    source.set('a', 1)
    graph.transaction(() => source.set('b', 2))
    source.delete('a')
  })
  assert.equal(told, 1)
  assert.equal(revision, 1)
  assert.deepEqual([...source.entries()], [['b', 2]])
})

test('transaction() from a subscriber is applied at once and told of after the present one', () => {
  const graph = createGraph()
  const source = graph.source<number>('source')
  const echo = graph.source<number>('echo')
  const heard: string[] = []
  source.subscribe(() => {
    graph.transaction(() => echo.set('e', 1))
    heard.push(`echo is ${echo.get('e') ?? 'absent'}`)
  })
  source.subscribe(() => heard.push('second subscriber'))
  echo.subscribe(() => heard.push('echo subscriber'))
  graph.onTransaction((revision) => heard.push(`revision ${revision}`))
  fill(graph, source, { a: 1 })
  assert.deepEqual(heard, ['echo is 1', 'second subscriber', 'revision 1', 'echo subscriber', 'revision 2'])
})

test('subscribe(): one that throws is reported and does not keep others from hearing', () => {
  const { graph, errors } = graphWithErrors()
  const source = graph.source<number>('source')
  source.subscribe(() => {
    throw new Error('mine')
  })
  let told = 0
  source.subscribe(() => told++)
  graph.onTransaction(() => told++)
  fill(graph, source, { a: 1 })
  assert.equal(told, 2)
  assert.deepEqual(
    errors.map(({ where }) => where),
    ['a subscriber of source'],
  )
})

test('a source is written within a transaction only, and never by a derived function', () => {
  const { graph, errors } = graphWithErrors()
  const source = graph.source<number>('source')
  const other = graph.source<number>('other')
  assert.throws(() => source.set('a', 1), /within graph.transaction/)
  graph.derive('writes', source, () => other.set('x', 1))
  graph.derive('opens', source, () => graph.transaction(() => other.set('x', 1)))
  fill(graph, source, { a: 1 })
  assert.equal(other.size, 0)
  assert.deepEqual(
    errors.map(({ where }) => where),
    ['writes: a', 'opens: a'],
  )
})

test('a derived function reads through look only, and only while it runs', () => {
  const { graph, errors } = graphWithErrors()
  const source = graph.source<number>('source')
  const other = graph.source<number>('other')
  graph.derive('sneaks', source, () => other.get('x'))
  let kept = (): unknown => undefined
  graph.derive('keeps', source, (_value, look) => {
    kept = () => look.one(other, 'x')
    return 1
  })
  fill(graph, source, { a: 1 })
  assert.deepEqual(
    errors.map(({ where }) => where),
    ['sneaks: a'],
  )
  assert.throws(() => kept(), /after its function ended/)
})

test('derive() reports a look at what is derived from it', () => {
  const { graph, errors } = graphWithErrors()
  const source = graph.source<number>('source')
  const later: { collection?: Collection<number> } = {}
  const early = graph.derive('early', source, (value, look) =>
    later.collection === undefined ? value : look.one(later.collection, 'a'),
  )
  later.collection = graph.derive('later', early, (value) => value)
  fill(graph, source, { a: 1 })
  assert.match(String(errors[0]?.error), /early looks at later, which is derived from it/)
})

test('checkPurity reports a function that answers differently', () => {
  const errors: string[] = []
  const graph = createGraph({ checkPurity: true, onError: (error) => errors.push(String(error)) })
  const source = graph.source<number>('source')
  let count = 0
  graph.derive('counts', source, () => count++)
  fill(graph, source, { a: 1 })
  assert.match(errors[0] ?? '', /two runs on the same inputs differ/)
})

test('look refuses a collection of another graph', () => {
  const { graph, errors } = graphWithErrors()
  const source = graph.source<number>('source')
  const foreign = createGraph().source<number>('foreign')
  graph.derive('mixed', source, (_value, look) => look.one(foreign, 'x'))
  fill(graph, source, { a: 1 })
  assert.match(String(errors[0]?.error), /made by another graph/)
})

test('dump() shows by key what was looked at', () => {
  const graph = createGraph()
  const source = graph.source<string>('source')
  const byValue = graph.index('by-value', source, (value) => [value])
  const count = graph.singleton('count', (look) => look.all(source).length)
  graph.derive('derived', source, (value, look) => [
    look.one(source, 'missing') ?? null,
    look.by(byValue, value).length,
    look.the(count),
  ])
  fill(graph, source, { a: 'x' })
  const dump = graph.dump().collections.find(({ name }) => name === 'derived')
  assert.deepEqual(dump?.entries['a']?.lookedAt, ['source: missing', 'by-value: x', 'count'])
  assert.equal(dump?.runs, 1)
})
