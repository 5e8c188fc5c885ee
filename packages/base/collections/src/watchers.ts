import type { Engine } from './engine.ts'

/** Who wants to run again when something changes. */
export interface Watcher {
  readonly owner: { markDirty(key: string): void }
  readonly key: string
}

/** The watchers of a collection's keys, of an index's values, or of a whole. */
export class Watchers {
  readonly #engine: Engine
  /** Most topics have one watcher, which needs no set around it. */
  readonly #byTopic: Map<string, Watcher | Set<Watcher>> = new Map()
  /** How a topic is shown in a dump. */
  readonly label: (topic: string) => string

  constructor(engine: Engine, label: (topic: string) => string) {
    this.#engine = engine
    this.label = label
  }

  /** Whether it was not one of them already. */
  add(topic: string, watcher: Watcher): boolean {
    const watchers = this.#byTopic.get(topic)
    if (watchers === undefined) this.#byTopic.set(topic, watcher)
    else if (watchers === watcher) return false
    else if (!(watchers instanceof Set)) this.#byTopic.set(topic, new Set([watchers, watcher]))
    else if (watchers.has(watcher)) return false
    else watchers.add(watcher)
    this.#engine.dependencies++
    return true
  }

  remove(topic: string, watcher: Watcher): void {
    const watchers = this.#byTopic.get(topic)
    if (watchers instanceof Set) {
      if (!watchers.delete(watcher)) return
      if (watchers.size === 0) this.#byTopic.delete(topic)
    } else {
      if (watchers !== watcher) return
      this.#byTopic.delete(topic)
    }
    this.#engine.dependencies--
  }

  notify(topic: string): void {
    const watchers = this.#byTopic.get(topic)
    if (watchers === undefined) return
    if (watchers instanceof Set) for (const watcher of watchers) watcher.owner.markDirty(watcher.key)
    else watchers.owner.markDirty(watchers.key)
  }
}
