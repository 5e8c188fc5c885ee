import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Collection, Graph, GraphDump, Source } from './collection.ts'
import { graphOn } from './create-graph.ts'
import { Engine } from './engine.ts'

interface Item {
  readonly group: string
  readonly points: number
  readonly friend: string
}

interface World {
  readonly engine: Engine
  readonly graph: Graph
  readonly items: Source<Item>
  readonly factors: Source<number>
  readonly all: readonly Collection<unknown>[]
}

/** A graph with every kind of node, look-ups that depend on data, misses, and keys that collide. */
function makeWorld(): World {
  const engine = new Engine({
    checkPurity: true,
    onError: (error) => {
      throw error
    },
  })
  const graph = graphOn(engine)
  const items = graph.source<Item>('items')
  const factors = graph.source<number>('factors')
  const byGroup = graph.index('by-group', items, ({ group, friend }) => [group, friend])
  const total = graph.singleton('total', (look) =>
    look.all(items).reduce((sum, { points }) => sum + points, 0),
  )
  const scaled = graph.derive('scaled', items, ({ group, points }, look) => {
    const factor = look.one(factors, group)
    return factor === undefined || factor === 0 ? undefined : points * factor
  })
  const friends = graph.derive('friends', items, ({ friend, points }, look) =>
    points % 2 === 0 ? look.one(scaled, friend) : look.by(byGroup, friend).length,
  )
  const scattered = graph.deriveMany('scattered', items, ({ points, group }, look, key) => [
    [`points-${points % 3}`, key],
    [`group-${group}`, `${key}-${look.the(total) % 2}`],
  ])
  const mixed = graph.join<unknown>('mixed', [friends, scaled, scattered])
  return { engine, graph, items, factors, all: [items, factors, scaled, friends, scattered, mixed] }
}

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const item = fc.record({ group: fc.constantFrom('a', 'b', 'x'), points: fc.nat({ max: 6 }), friend: keys })
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined })
/** One write, to one of the sources. */
type Step = (world: World) => void
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(keys, optional(item)).map(
    ([key, value]): Step =>
      ({ items }) =>
        write(items, key, value),
  ),
  fc.tuple(fc.constantFrom('a', 'b', 'x'), optional(fc.nat({ max: 3 }))).map(
    ([key, value]): Step =>
      ({ factors }) =>
        write(factors, key, value),
  ),
)
const histories = fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { maxLength: 12 })

function apply(world: World, steps: readonly Step[]): void {
  world.graph.transaction(() => {
    for (const take of steps) take(world)
  })
}

function write<V>(source: Source<V>, key: string, value: V | undefined): void {
  if (value === undefined) source.delete(key)
  else source.set(key, value)
}

const contents = (world: World): unknown =>
  world.all.map((collection) => [collection.name, [...collection.entries()]])

test('graph: incremental equals from scratch, over random histories', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const world = makeWorld()
      for (const steps of history) apply(world, steps)
      const fresh = makeWorld()
      fresh.graph.transaction(() => {
        fresh.items.replace(new Map(world.items.entries()))
        fresh.factors.replace(new Map(world.factors.entries()))
      })
      assert.deepEqual(contents(world), contents(fresh))
    }),
  )
})

test('graph: the changes that subscribers hear add up to what is there', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const world = makeWorld()
      const copies = world.all.map((collection) => copyOf(collection))
      for (const steps of history) apply(world, steps)
      for (const [i, collection] of world.all.entries()) {
        assert.deepEqual(copies[i], new Map(collection.entries()))
      }
    }),
  )
})

test('graph: each cell runs at most once a transaction', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const world = makeWorld()
      for (const steps of history) {
        const before = runsOf(world.graph.dump())
        apply(world, steps)
        const after = runsOf(world.graph.dump())
        // Five items at most, each touched or looked from at most once, and one total.
        for (const [name, runs] of after)
          assert.ok(runs - (before.get(name) ?? 0) <= 8, `${name} ran ${runs} times`)
      }
    }),
  )
})

test('graph: no look-up stays recorded when the inputs are gone', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const world = makeWorld()
      const atFirst = world.engine.dependencies
      for (const steps of history) apply(world, steps)
      world.graph.transaction(() => {
        world.items.replace(new Map())
        world.factors.replace(new Map())
      })
      assert.equal(world.engine.dependencies, atFirst)
      assert.ok(world.all.every(({ size }) => size === 0))
    }),
  )
})

function copyOf(collection: Collection<unknown>): Map<string, unknown> {
  const copy = new Map<string, unknown>()
  collection.subscribe((changes) => {
    for (const { key, before, after } of changes) {
      assert.deepEqual(copy.get(key), before)
      if (after === undefined) copy.delete(key)
      else copy.set(key, after)
    }
  })
  return copy
}

function runsOf(dump: GraphDump): ReadonlyMap<string, number> {
  const cells = dump.collections.filter(({ name }) =>
    ['scaled', 'friends', 'scattered', 'total'].includes(name),
  )
  return new Map(cells.map(({ name, runs }) => [name, runs]))
}
