import type { Engine } from './engine.ts'

/** Who wants to run again when something changes. */
export interface Watcher {
  readonly owner: { markDirty(key: string): void }
  readonly key: string
}

/** So many are as quickly looked through as hashed, and a set of two takes three times as much memory as a list. */
const maxListed = 8

/** The watchers of a collection's keys, of an index's values, or of a whole. */
export class Watchers {
  readonly #engine: Engine
  /** Most topics have one watcher, which needs nothing around it. */
  readonly #byTopic: Map<string, Watcher | readonly Watcher[] | Set<Watcher>> = new Map()
  /** How a topic is shown in a dump. */
  readonly label: (topic: string) => string

  constructor(engine: Engine, label: (topic: string) => string) {
    this.#engine = engine
    this.label = label
  }

  /** Whether it was not one of them already. */
  add(topic: string, watcher: Watcher): boolean {
    const watchers = this.#byTopic.get(topic)
    if (watchers === watcher) return false
    if (watchers === undefined) this.#byTopic.set(topic, watcher)
    else if (watchers instanceof Set) {
      if (watchers.has(watcher)) return false
      watchers.add(watcher)
    } else if (isList(watchers)) {
      if (watchers.includes(watcher)) return false
      const more = [...watchers, watcher]
      this.#byTopic.set(topic, more.length > maxListed ? new Set(more) : more)
    } else this.#byTopic.set(topic, [watchers, watcher])
    this.#engine.dependencies++
    return true
  }

  remove(topic: string, watcher: Watcher): void {
    const watchers = this.#byTopic.get(topic)
    if (watchers === undefined) return
    if (watchers instanceof Set) {
      if (!watchers.delete(watcher)) return
      if (watchers.size === 0) this.#byTopic.delete(topic)
    } else if (isList(watchers)) {
      const rest = watchers.filter((other) => other !== watcher)
      if (rest.length === watchers.length) return
      const [only] = rest
      if (only === undefined) this.#byTopic.delete(topic)
      else this.#byTopic.set(topic, rest.length === 1 ? only : rest)
    } else {
      if (watchers !== watcher) return
      this.#byTopic.delete(topic)
    }
    this.#engine.dependencies--
  }

  notify(topic: string): void {
    if (this.#byTopic.size === 0) return
    const watchers = this.#byTopic.get(topic)
    if (watchers === undefined) return
    if (watchers instanceof Set || isList(watchers)) {
      for (const watcher of watchers) watcher.owner.markDirty(watcher.key)
    } else watchers.owner.markDirty(watchers.key)
  }
}

function isList(watchers: Watcher | readonly Watcher[]): watchers is readonly Watcher[] {
  return Array.isArray(watchers)
}
