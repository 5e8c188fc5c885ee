import type { Engine } from './engine.ts'

/** Who wants to run again when something changes. */
export interface Watcher {
  readonly owner: { markDirty(key: string): void }
  readonly key: string
}

/** The watchers of a collection's keys, of an index's values, or of a whole. */
export class Watchers {
  readonly #engine: Engine
  readonly #byTopic: Map<string, Set<Watcher>> = new Map()
  /** How a topic is shown in a dump. */
  readonly label: (topic: string) => string

  constructor(engine: Engine, label: (topic: string) => string) {
    this.#engine = engine
    this.label = label
  }

  add(topic: string, watcher: Watcher): void {
    const watchers = this.#byTopic.get(topic)
    if (watchers === undefined) this.#byTopic.set(topic, new Set([watcher]))
    else watchers.add(watcher)
    this.#engine.dependencies++
  }

  remove(topic: string, watcher: Watcher): void {
    const watchers = this.#byTopic.get(topic)
    if (watchers?.delete(watcher) !== true) return
    this.#engine.dependencies--
    if (watchers.size === 0) this.#byTopic.delete(topic)
  }

  notify(topic: string): void {
    for (const watcher of this.#byTopic.get(topic) ?? []) watcher.owner.markDirty(watcher.key)
  }
}
