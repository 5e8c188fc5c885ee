import { assert } from '@tulle/core'
import type { CollectionDump, Index } from './collection.ts'
import { DirtyKeys } from './dirty-keys.ts'
import type { Budget } from './dirty-keys.ts'
import type { Engine } from './engine.ts'
import type { GraphNode } from './graph-node.ts'
import { SortedMap } from './sorted-map.ts'
import type { StoreNode } from './store-node.ts'
import { Watchers } from './watchers.ts'

/** A text where a key has one value, as most have; otherwise each once, in a list: sets take much memory. */
type Values = string | readonly string[]

type KeysOf<V> = (value: V, key: string) => Iterable<string>

/** The keys of a collection by what their values say of themselves. */
export class IndexNode<V> implements Index<V>, GraphNode {
  readonly name: string
  readonly engine: Engine
  readonly uses: Set<GraphNode> = new Set()
  readonly usedBy: Set<GraphNode> = new Set()
  readonly valueWatchers: Watchers
  rank: number = 0
  lastChange: number = 0
  readonly #input: StoreNode<V>
  readonly #keysOf: KeysOf<V>
  readonly #dirty: DirtyKeys = new DirtyKeys()
  readonly #groups: SortedMap<SortedMap<true>> = new SortedMap()
  readonly #valuesByKey: Map<string, Values> = new Map()
  #runs: number = 0

  constructor(engine: Engine, name: string, input: StoreNode<V>, keysOf: KeysOf<V>) {
    this.engine = engine
    this.name = name
    this.#input = input
    this.#keysOf = keysOf
    this.valueWatchers = new Watchers(engine, (value) => `${name}: ${value}`)
    input.addFollower(this)
  }

  by(value: string): readonly V[] {
    this.engine.assertReadable(this.name)
    return this.peek(value)
  }

  peek(value: string): readonly V[] {
    const keys = this.#groups.get(value)?.keys() ?? []
    return keys.map((key) => this.#input.peek(key)).filter((found) => found !== undefined)
  }

  inputChanged(key: string): void {
    this.#dirty.add(key)
    this.engine.enqueue(this)
  }

  inputBegins(keys: readonly string[]): void {
    this.#dirty.addAll(keys)
    this.engine.enqueue(this)
  }

  process(budget: Budget): boolean {
    return this.#dirty.drain(budget, (key, isFirst) => {
      this.#runs++
      this.#refresh(key, isFirst ? undefined : this.#valuesByKey.get(key))
    })
  }

  takeNews(): undefined {
    return undefined
  }

  rollBack(): void {
    // It follows its input.
  }

  dump(): CollectionDump {
    const entries = Array.from(
      this.#groups.entries(),
      ([value, keys]) => [value, { value: keys.keys(), lookedAt: [] }] as const,
    )
    return {
      name: this.name,
      rank: this.rank,
      inputs: [this.#input.name],
      size: this.#groups.size,
      runs: this.#runs,
      lastChange: this.#input.lastChange,
      entries: Object.fromEntries(entries),
    }
  }

  #refresh(key: string, before: Values | undefined): void {
    const after = this.#valuesOf(key, before)
    if (after === undefined) {
      if (before !== undefined) this.#valuesByKey.delete(key)
    } else this.#valuesByKey.set(key, after)
    // Nothing to leave, and one group to join: so it is for most keys of most indexes.
    if (before === undefined && typeof after === 'string') {
      this.#join(after, key)
      this.valueWatchers.notify(after)
      return
    }
    for (const value of listOf(before)) if (!isIn(after, value)) this.#leave(value, key)
    for (const value of listOf(after)) this.#join(value, key)
    // The value under a key is another now, so those who had it before are told as well.
    for (const value of listOf(before)) this.valueWatchers.notify(value)
    for (const value of listOf(after)) if (!isIn(before, value)) this.valueWatchers.notify(value)
  }

  #valuesOf(key: string, before: Values | undefined): Values | undefined {
    const found = this.#input.peek(key)
    if (found === undefined) return undefined
    this.engine.beginRun()
    try {
      return eachOnce(this.#keysOf(found, key))
    } catch (error) {
      this.engine.report(error, `${this.name}: ${key}`)
      return before
    } finally {
      this.engine.endRun()
    }
  }

  #join(value: string, key: string): void {
    const group = this.#groups.get(value)
    if (group !== undefined) group.set(key, true)
    else {
      const made = new SortedMap<true>()
      made.set(key, true)
      this.#groups.set(value, made)
    }
  }

  #leave(value: string, key: string): void {
    const group = this.#groups.get(value)
    group?.delete(key)
    if (group?.size === 0) this.#groups.delete(value)
  }
}

const none: readonly string[] = []

function eachOnce(found: Iterable<string>): Values | undefined {
  const all = Array.isArray(found) ? (found as readonly string[]) : [...found]
  if (all.length <= 1) return all[0]
  const values = [...new Set(all)]
  return values.length > 1 ? values : values[0]
}

function listOf(values: Values = none): readonly string[] {
  return typeof values === 'string' ? [values] : values
}

function isIn(values: Values | undefined, value: string): boolean {
  return typeof values === 'string' ? values === value : values?.includes(value) === true
}

/** The node behind an index that this graph made. */
export function indexNode<V>(index: Index<V>, engine: Engine): IndexNode<V> {
  assert(index instanceof IndexNode, `${index.name} was not made by a graph`)
  assert(index.engine === engine, `${index.name} was made by another graph`)
  return index
}
