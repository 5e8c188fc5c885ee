import { assert, compareText, dataEqual } from '@tulle/core'
import type { Change, Collection, CollectionDump } from './collection.ts'
import type { Budget } from './dirty-keys.ts'
import type { Engine } from './engine.ts'
import type { GraphNode } from './graph-node.ts'
import { SortedMap } from './sorted-map.ts'
import { Watchers } from './watchers.ts'

type Subscriber<V> = (changes: readonly Change<V>[]) => void

/** A node that keeps keyed values: what all kinds of collection share. */
export abstract class StoreNode<V> implements Collection<V>, GraphNode {
  readonly name: string
  readonly engine: Engine
  readonly uses: Set<GraphNode> = new Set()
  readonly usedBy: Set<GraphNode> = new Set()
  readonly keyWatchers: Watchers
  readonly allWatchers: Watchers
  rank: number = 0
  lastChange: number = 0
  runs: number = 0
  readonly #values: SortedMap<V> = new SortedMap()
  /** Until it has been computed once: it held nothing before, and nobody is told of it. */
  #isNew: boolean = true
  /** What keys written in this transaction held before it. */
  readonly #before: Map<string, V | undefined> = new Map()
  readonly #subscribers: Set<Subscriber<V>> = new Set()
  /** Nodes that have this as an input, and so want to know of every key. */
  readonly #followers: GraphNode[] = []

  constructor(engine: Engine, name: string) {
    this.engine = engine
    this.name = name
    this.keyWatchers = new Watchers(engine, (key) => (key === '' ? name : `${name}: ${key}`))
    this.allWatchers = new Watchers(engine, () => `${name}: *`)
  }

  abstract process(budget: Budget): boolean
  abstract inputChanged(key: string): void
  abstract inputBegins(keys: readonly string[]): void
  abstract lookedAt(key: string): readonly string[]

  get size(): number {
    this.engine.assertReadable(this.name)
    return this.#values.size
  }

  get(key: string): V | undefined {
    this.engine.assertReadable(this.name)
    return this.#values.get(key)
  }

  entries(): Iterable<readonly [string, V]> {
    this.engine.assertReadable(this.name)
    return this.#values.entries()
  }

  subscribe(onChanges: Subscriber<V>): Disposable {
    const subscriber: Subscriber<V> = (changes) => onChanges(changes)
    this.#subscribers.add(subscriber)
    return { [Symbol.dispose]: () => void this.#subscribers.delete(subscriber) }
  }

  /** As `get`, for the engine's own use. */
  peek(key: string): V | undefined {
    return this.#values.get(key)
  }

  peekAll(): readonly V[] {
    return Array.from(this.#values.entries(), ([, value]) => value)
  }

  keys(): readonly string[] {
    return this.#values.keys()
  }

  /** Makes `node` a reader of every key; it hears of what is here already as if it had just come. */
  addFollower(node: GraphNode): void {
    this.engine.use(node, this)
    this.#followers.push(node)
    node.inputBegins(this.#values.keys())
  }

  /** Sets one key, or removes it; what equals the present value stops here. */
  write(key: string, value: V | undefined): void {
    // Nobody follows or watches what is being made, and nobody is told of it.
    if (this.#isNew) return this.#put(key, value)
    const present = this.#values.get(key)
    if (dataEqual(present, value)) return
    if (!this.#before.has(key)) this.#before.set(key, present)
    this.#put(key, value)
    this.engine.touch(this)
    for (const follower of this.#followers) follower.inputChanged(key)
    this.keyWatchers.notify(key)
    this.allWatchers.notify('')
  }

  #put(key: string, value: V | undefined): void {
    if (value === undefined) this.#values.delete(key)
    else this.#values.set(key, value)
  }

  rollBack(): void {
    for (const [key, value] of this.#before) this.write(key, value)
  }

  takeNews(): readonly (() => void)[] | undefined {
    this.#isNew = false
    if (this.#subscribers.size === 0) return this.#takeQuietly()
    const changes = [...this.#before]
      .map(([key, before]) => ({ key, before, after: this.#values.get(key) }))
      .filter(({ before, after }) => !dataEqual(before, after))
      .toSorted((a, b) => compareText(a.key, b.key))
    this.#before.clear()
    if (changes.length === 0) return undefined
    return [...this.#subscribers].map((subscriber) => () => {
      if (this.#subscribers.has(subscriber)) subscriber(changes)
    })
  }

  /** Nobody wants the changes: it is enough to find one. */
  #takeQuietly(): readonly [] | undefined {
    let changed = false
    for (const [key, before] of this.#before) {
      changed = !dataEqual(before, this.#values.get(key))
      if (changed) break
    }
    this.#before.clear()
    return changed ? [] : undefined
  }

  dump(): CollectionDump {
    const entries = Array.from(
      this.#values.entries(),
      ([key, value]) => [key, { value, lookedAt: this.lookedAt(key) }] as const,
    )
    return {
      name: this.name,
      rank: this.rank,
      inputs: [...this.uses].map((node) => node.name),
      size: this.#values.size,
      runs: this.runs,
      lastChange: this.lastChange,
      entries: Object.fromEntries(entries),
    }
  }
}

/** The node behind a collection that this graph made. */
export function storeNode<V>(collection: Collection<V>, engine: Engine): StoreNode<V> {
  assert(collection instanceof StoreNode, `${collection.name} was not made by a graph`)
  assert(collection.engine === engine, `${collection.name} was made by another graph`)
  return collection
}
