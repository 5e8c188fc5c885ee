import { assert } from '@tulle/core'

/** That a resource became another one, came, or went. */
export interface JournalEntry {
  readonly name: string
  /** The version before it, undefined where there was none; null where that is not known any more. */
  readonly before: string | undefined | null
}

interface Entry extends JournalEntry {
  readonly position: number
  /** Whether the resource went with it. */
  readonly removed: boolean
}

/** A journal below this length is not worth tidying. */
const minTidyLength = 1024

/**
 * Which resources changed, in order. Peers keep a position in it instead of what they know of each resource. It
 * forgets all but the last change of each resource, and the oldest of what went; so it is never much longer than
 * the list of resources.
 */
export class ChangeJournal {
  readonly #maxRemoved: number
  #entries: Entry[] = []
  #end: number = 0
  /** What went before this position may be forgotten. */
  #start: number = 0
  #tidyLength: number = minTidyLength

  constructor(maxRemoved: number) {
    this.#maxRemoved = maxRemoved
  }

  get end(): number {
    return this.#end
  }

  get length(): number {
    return this.#entries.length
  }

  append(name: string, before: string | undefined, removed: boolean): void {
    this.#end++
    this.#entries.push({ name, before, removed, position: this.#end })
    if (this.#entries.length >= this.#tidyLength) this.#tidy()
  }

  /** The first change of each resource after a position; undefined where not all of them are known any more. */
  since(position: number): Iterable<JournalEntry> | undefined {
    if (position < this.#start) return undefined
    const from = this.#indexAfter(position)
    if (this.#entries.length - from <= 1) return this.#entries.slice(from)
    const first = new Map<string, JournalEntry>()
    for (let i = from; i < this.#entries.length; i++) {
      const entry = this.#entries[i]
      assert(entry !== undefined, 'the journal has no holes')
      if (!first.has(entry.name)) first.set(entry.name, entry)
    }
    return first.values()
  }

  #indexAfter(position: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle]?.position ?? Infinity) <= position) low = middle + 1
      else high = middle
    }
    return low
  }

  #tidy(): void {
    const seen = new Set<string>()
    const kept: Entry[] = []
    let removed = 0
    for (const entry of this.#entries.toReversed()) {
      if (seen.has(entry.name)) continue
      seen.add(entry.name)
      if (entry.removed && ++removed > this.#maxRemoved) {
        this.#start = Math.max(this.#start, entry.position)
        continue
      }
      kept.push(entry)
    }
    const known = new Map<string, number>()
    for (const { name } of this.#entries) known.set(name, (known.get(name) ?? 0) + 1)
    // Whoever stands before a forgotten change can't tell what the one after it replaced.
    this.#entries = kept
      .toReversed()
      .map((entry) => ((known.get(entry.name) ?? 0) > 1 ? { ...entry, before: null } : entry))
    this.#tidyLength = Math.max(minTidyLength, 2 * this.#entries.length)
  }
}
