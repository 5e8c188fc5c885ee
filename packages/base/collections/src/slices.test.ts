import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGraph } from './create-graph.ts'

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `k${i}`)

test('transactionInSlices() lets other work have its turn, and tells of everything at once', async () => {
  const graph = createGraph()
  const source = graph.source<number>('numbers')
  const doubled = graph.derive('doubled', source, (value) => value * 2)
  const told: number[] = []
  doubled.subscribe((changes) => void told.push(changes.length))
  let turns = 0
  const count = (): void => {
    turns++
    if (told.length === 0) setImmediate(count)
  }
  setImmediate(count)
  const revision = await graph.transactionInSlices(function* steps() {
    for (const [i, name] of names(5000).entries()) yield source.set(name, i)
  })
  assert.ok(turns > 10, `${turns} turns`)
  assert.deepEqual([told, revision, doubled.get('k7')], [[5000], 1, 14])
})

test('transactionInSlices() takes back what it wrote when a step throws, and the next one goes on', async () => {
  const graph = createGraph()
  const source = graph.source<number>('numbers')
  const failing = graph.transactionInSlices(function* steps() {
    for (const name of names(1000)) yield source.set(name, 1)
    throw new Error('no')
  })
  const next = graph.transactionInSlices(function* steps() {
    yield source.set('after', 1)
  })
  await assert.rejects(failing, /no/u)
  await next
  assert.deepEqual([source.size, source.get('after')], [1, 1])
})

test('a change of one key of fifty thousand computes as many keys as one of a hundred', () => {
  const runs = [100, 50_000].map((size) => {
    const graph = createGraph()
    const source = graph.source<number>('numbers')
    graph.transaction(() => {
      for (const [i, name] of names(size).entries()) source.set(name, i)
    })
    const groups = graph.index('groups', source, (value) => [`${value % 10}`])
    graph.derive('derived', source, (value, look) => value + (look.one(source, 'k1') ?? 0) * 0)
    graph.derive('largest', source, (value, look) => (value < 5 ? look.by(groups, '3').length : undefined))
    const before = graph.dump().collections.reduce((sum, { runs: done }) => sum + done, 0)
    graph.transaction(() => source.set('k9', -1))
    return graph.dump().collections.reduce((sum, { runs: done }) => sum + done, 0) - before
  })
  assert.equal(runs[0], runs[1])
})
