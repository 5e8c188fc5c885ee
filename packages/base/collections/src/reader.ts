import { assert } from '@tulle/core'
import type { Collection, Index, Look, Singleton } from './collection.ts'
import type { Engine } from './engine.ts'
import type { GraphNode } from './graph-node.ts'
import { indexNode } from './index-node.ts'
import { singletonHandle } from './singleton-handle.ts'
import { storeNode } from './store-node.ts'
import type { Watchers } from './watchers.ts'

/** A node whose keys are computed one by one, each by a run of its own. */
export interface CellOwner extends GraphNode {
  readonly engine: Engine
  markDirty(key: string): void
}

/** Pairs in one list, because most readers look at few things. */
type Watched = readonly (Watchers | string)[]

const none: Watched = []

/**
 * What the runs that go on now have looked at, each one's behind that of the run within which it began: filled anew by
 * every run, so that none of them makes a list that has to grow.
 */
const looking: (Watchers | string)[] = []

/** One key's runs of a derived function: what it looked at the last time. */
export class Reader {
  readonly owner: CellOwner
  readonly key: string
  #watched: Watched = none

  constructor(owner: CellOwner, key: string) {
    this.owner = owner
    this.key = key
  }

  /** Whether it looked at anything, and so has to be known as long as its key is. */
  get isWatching(): boolean {
    return this.#watched.length > 0
  }

  /** Runs `compute`; what it looks at replaces what was recorded before. */
  run<I, T>(input: I, compute: (input: I, look: Look, key: string) => T): T {
    this.forget()
    const { engine } = this.owner
    const look = new RecordingLook(this)
    const start = looking.length
    engine.beginRun()
    try {
      return compute(input, look, this.key)
    } finally {
      engine.endRun()
      look.end()
      if (looking.length > start) {
        this.#watched = looking.slice(start)
        looking.length = start
      }
    }
  }

  forget(): void {
    for (let i = 0; i < this.#watched.length; i += 2) {
      const [watchers, topic] = [this.#watched[i], this.#watched[i + 1]]
      if (typeof watchers === 'object' && typeof topic === 'string') watchers.remove(topic, this)
    }
    this.#watched = none
  }

  lookedAt(): readonly string[] {
    const labels: string[] = []
    for (let i = 0; i < this.#watched.length; i += 2) {
      const [watchers, topic] = [this.#watched[i], this.#watched[i + 1]]
      if (typeof watchers === 'object' && typeof topic === 'string') labels.push(watchers.label(topic))
    }
    return labels
  }
}

/** What a derived function reads through, as long as it runs. */
class RecordingLook implements Look {
  readonly #reader: Reader
  #isOpen: boolean = true

  constructor(reader: Reader) {
    this.#reader = reader
  }

  end(): void {
    this.#isOpen = false
  }

  one<V>(collection: Collection<V>, key: string): V | undefined {
    this.#assertOpen(collection)
    const node = storeNode(collection, this.#reader.owner.engine)
    this.#watch(node, node.keyWatchers, key)
    return node.peek(key)
  }

  by<V>(index: Index<V>, value: string): readonly V[] {
    this.#assertOpen(index)
    const node = indexNode(index, this.#reader.owner.engine)
    this.#watch(node, node.valueWatchers, value)
    return node.peek(value)
  }

  all<V>(collection: Collection<V>): readonly V[] {
    this.#assertOpen(collection)
    const node = storeNode(collection, this.#reader.owner.engine)
    this.#watch(node, node.allWatchers, '')
    return node.peekAll()
  }

  the<V>(singleton: Singleton<V>): V {
    this.#assertOpen(singleton)
    const handle = singletonHandle(singleton, this.#reader.owner.engine)
    this.#watch(handle.store, handle.store.keyWatchers, '')
    return handle.peek()
  }

  #assertOpen({ name }: { readonly name: string }): void {
    if (!this.#isOpen) assert(false, `look was used on ${name} after its function ended`)
  }

  #watch(node: GraphNode, watchers: Watchers, topic: string): void {
    this.#reader.owner.engine.use(this.#reader.owner, node)
    if (watchers.add(topic, this.#reader)) looking.push(watchers, topic)
  }
}
