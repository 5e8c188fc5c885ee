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
  markDirty(key: string): void
}

/** Shared by all who look at nothing; never written to. */
const none: (Watchers | string)[] = []

/** One key's run of a derived function: what it looked at the last time. */
export class Reader {
  readonly owner: CellOwner
  readonly key: string
  readonly #engine: Engine
  /** Pairs in one list, because there is a reader for each key and most look at few things, or at none. */
  #watched: (Watchers | string)[] = none

  constructor(engine: Engine, owner: CellOwner, key: string) {
    this.#engine = engine
    this.owner = owner
    this.key = key
  }

  /** Runs `fn`; what it looks at replaces what was recorded before. */
  run<T>(fn: (look: Look) => T): T {
    this.forget()
    let open = true
    const assertOpen = (name: string): void =>
      assert(open, `look was used on ${name} after its function ended`)
    try {
      return this.#engine.run(() => fn(this.#look(assertOpen)))
    } finally {
      open = false
      // A list that grew has room to grow on.
      if (this.#watched.length > 0) this.#watched = this.#watched.slice()
    }
  }

  forget(): void {
    for (const [watchers, topic] of this.#pairs()) watchers.remove(topic, this)
    this.#watched = none
  }

  lookedAt(): readonly string[] {
    return Array.from(this.#pairs(), ([watchers, topic]) => watchers.label(topic))
  }

  *#pairs(): Generator<readonly [Watchers, string]> {
    for (let i = 0; i < this.#watched.length; i += 2) {
      const [watchers, topic] = [this.#watched[i], this.#watched[i + 1]]
      if (typeof watchers === 'object' && typeof topic === 'string') yield [watchers, topic]
    }
  }

  #watch(node: GraphNode, watchers: Watchers, topic: string): void {
    this.#engine.use(this.owner, node)
    if (!watchers.add(topic, this)) return
    if (this.#watched.length === 0) this.#watched = [watchers, topic]
    else this.#watched.push(watchers, topic)
  }

  #look(assertOpen: (name: string) => void): Look {
    return {
      one: <V>(collection: Collection<V>, key: string): V | undefined => {
        assertOpen(collection.name)
        const node = storeNode(collection, this.#engine)
        this.#watch(node, node.keyWatchers, key)
        return node.peek(key)
      },
      by: <V>(index: Index<V>, value: string): readonly V[] => {
        assertOpen(index.name)
        const node = indexNode(index, this.#engine)
        this.#watch(node, node.valueWatchers, value)
        return node.peek(value)
      },
      all: <V>(collection: Collection<V>): readonly V[] => {
        assertOpen(collection.name)
        const node = storeNode(collection, this.#engine)
        this.#watch(node, node.allWatchers, '')
        return node.peekAll()
      },
      the: <V>(singleton: Singleton<V>): V => {
        assertOpen(singleton.name)
        const handle = singletonHandle(singleton, this.#engine)
        this.#watch(handle.store, handle.store.keyWatchers, '')
        return handle.peek()
      },
    }
  }
}
