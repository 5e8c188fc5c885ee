import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Change, Collection, Graph } from './collection.ts'
import { graphOn } from './create-graph.ts'
import { Engine } from './engine.ts'

/** One kind of collection, fed by a source whose values it shows unchanged under their own keys. */
export interface CollectionKind {
  readonly name: string
  make(graph: Graph, input: Collection<number>): Collection<number>
}

/** What every kind of collection promises. */
export function testCollection(kind: CollectionKind): void {
  const setUp = (): World => {
    const engine = new Engine({
      onError: (error) => {
        throw error
      },
    })
    const graph = graphOn(engine)
    const input = graph.source<number>('input')
    const set = (changes: Readonly<Record<string, number | undefined>>): void =>
      void graph.transaction(() => {
        for (const [key, value] of Object.entries(changes)) {
          if (value === undefined) input.delete(key)
          else input.set(key, value)
        }
      })
    return { engine, graph, input, set }
  }

  interface World {
    readonly engine: Engine
    readonly graph: Graph
    readonly input: Collection<number>
    readonly set: (changes: Readonly<Record<string, number | undefined>>) => void
  }

  describe(`collection kind ${kind.name}`, () => {
    test('get(), size and entries() show the present, in key order', () => {
      const { graph, input, set } = setUp()
      const collection = kind.make(graph, input)
      set({ b: 2, c: 3, a: 1 })
      set({ c: undefined, a: 10 })
      assert.equal(collection.size, 2)
      assert.equal(collection.get('a'), 10)
      assert.equal(collection.get('c'), undefined)
      assert.deepEqual(
        [...collection.entries()],
        [
          ['a', 10],
          ['b', 2],
        ],
      )
    })

    test('a collection made after the data shows all of it', () => {
      const { graph, input, set } = setUp()
      set({ a: 1, b: 2 })
      const collection = kind.make(graph, input)
      assert.deepEqual(
        [...collection.entries()],
        [
          ['a', 1],
          ['b', 2],
        ],
      )
    })

    test('subscribe() tells of each transaction once, in key order, with before and after', () => {
      const { graph, input, set } = setUp()
      const collection = kind.make(graph, input)
      const heard: (readonly Change<number>[])[] = []
      collection.subscribe((changes) => heard.push(changes))
      set({ b: 1, a: 2 })
      set({ b: undefined, a: 3 })
      assert.deepEqual(heard, [
        [
          { key: 'a', before: undefined, after: 2 },
          { key: 'b', before: undefined, after: 1 },
        ],
        [
          { key: 'a', before: 2, after: 3 },
          { key: 'b', before: 1, after: undefined },
        ],
      ])
    })

    test('subscribe() tells nothing of what stays equal, and nothing after dispose', () => {
      const { graph, input, set } = setUp()
      const collection = kind.make(graph, input)
      set({ a: 1 })
      let calls = 0
      const subscription = collection.subscribe(() => calls++)
      const revision = graph.revision
      set({ a: 1, b: undefined })
      assert.equal(calls, 0)
      assert.equal(graph.revision, revision)
      subscription[Symbol.dispose]()
      set({ a: 2 })
      assert.equal(calls, 0)
    })

    test('look-ups of a key, of a missing key and of all run again when they change', () => {
      const { engine, graph, input, set } = setUp()
      const collection = kind.make(graph, input)
      const askers = graph.source<string>('askers')
      graph.transaction(() => askers.set('x', 'a'))
      const answers = graph.derive('answers', askers, (key, look) => [
        look.one(collection, key) ?? null,
        look.all(collection).length,
      ])
      assert.deepEqual(answers.get('x'), [null, 0])
      set({ a: 1 })
      assert.deepEqual(answers.get('x'), [1, 1])
      set({ a: undefined, b: 1 })
      assert.deepEqual(answers.get('x'), [null, 1])
      const before = engine.dependencies
      graph.transaction(() => askers.delete('x'))
      assert.equal(engine.dependencies, before - 2)
    })

    test('dump() shows the rank behind the input, and the values', () => {
      const { graph, input, set } = setUp()
      const collection = kind.make(graph, input)
      set({ a: 1 })
      const dump = graph.dump().collections.find(({ name }) => name === collection.name)
      assert.equal(dump?.size, 1)
      assert.equal(dump?.entries['a']?.value, 1)
      assert.equal(dump?.lastChange, graph.revision)
      assert.equal(dump?.rank, collection === input ? 0 : 1)
    })

    test('a transaction that throws leaves everything as it was', () => {
      const { graph, input, set } = setUp()
      const collection = kind.make(graph, input)
      set({ a: 1 })
      const { revision } = graph
      assert.throws(() =>
        graph.transaction(() => {
          set({ a: 2, b: 3 })
          throw new Error('no')
        }),
      )
      assert.deepEqual([...collection.entries()], [['a', 1]])
      assert.equal(graph.revision, revision)
    })
  })
}

testCollection({ name: 'source', make: (_graph, input) => input })
testCollection({ name: 'derive', make: (graph, input) => graph.derive('made', input, (value) => value) })
testCollection({
  name: 'deriveMany',
  make: (graph, input) => graph.deriveMany('made', input, (value, _look, key) => [[key, value]]),
})
testCollection({ name: 'join', make: (graph, input) => graph.join('made', [input]) })
