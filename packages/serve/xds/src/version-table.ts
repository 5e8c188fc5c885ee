import { randomInt } from 'node:crypto'
import { bucketOf } from '@tulle/mesh-xds'
import type { Buckets, MeshResource } from '@tulle/mesh-xds'
import { placeLength } from './initial-versions.ts'
import type { InitialVersions } from './initial-versions.ts'

/** Another one in each process, so that nobody can choose names that all fall into one place. */
const seed: number = randomInt(2 ** 32 - 1)

/**
 * Names and versions of all resources at one moment, as bytes: what a thousand nodes bring along is compared with it
 * without a text being made for each name of each of them.
 */
export class VersionTable {
  /** The resources' names, by their number here. */
  readonly #names: readonly string[]
  readonly #bytes: Buffer
  /** Where in `bytes` each name begins and ends; its version follows, until the next name. */
  readonly #starts: Uint32Array
  readonly #nameEnds: Uint32Array
  /** Numbers of resources plus one, at the place that a name's hash says or at the next free one. */
  readonly #slots: Uint32Array
  /** Of each name the number of the comparison that met it last. */
  readonly #seen: Uint32Array
  #comparison: number = 0
  /** Numbers of names by bucket, once somebody asks by buckets. */
  #buckets: readonly (readonly number[])[] | undefined

  constructor(resources: readonly MeshResource[]) {
    this.#names = resources.map(({ name }) => name)
    this.#bytes = Buffer.from(resources.map(({ name, version }) => name + version).join(''))
    this.#starts = new Uint32Array(resources.length + 1)
    this.#nameEnds = new Uint32Array(resources.length)
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * resources.length + 2)))
    this.#seen = new Uint32Array(resources.length)
    let at = 0
    for (const [number, { name, version }] of resources.entries()) {
      this.#starts[number] = at
      const nameEnd = at + Buffer.byteLength(name)
      this.#nameEnds[number] = nameEnd
      this.#slots[this.#slotOf(this.#bytes, at, nameEnd)] = number + 1
      at = nameEnd + Buffer.byteLength(version)
      this.#starts[number + 1] = at
    }
  }

  /** Puts another version in the place of a known one; false where there is no such place for it. */
  replace(name: string, version: string): boolean {
    const bytes = Buffer.from(name + version)
    const nameEnd = Buffer.byteLength(name)
    const number = (this.#slots[this.#slotOf(bytes, 0, nameEnd)] ?? 0) - 1
    const from = this.#nameEnds[number]
    if (from === undefined || (this.#starts[number + 1] ?? 0) - from !== bytes.length - nameEnd) return false
    bytes.copy(this.#bytes, from, nameEnd)
    return true
  }

  /**
   * Names of all that differs: other versions, what is only here, and what is only there. Some may come twice. With
   * `within`, what is only here counts in these buckets alone.
   */
  compare({ message, places }: InitialVersions, onDifferent: (name: string) => void, within?: Buckets): void {
    const comparison = ++this.#comparison
    for (let at = 0; at < places.length; at += placeLength) {
      const nameStart = places[at] ?? 0
      const nameEnd = places[at + 1] ?? 0
      const number = (this.#slots[this.#slotOf(message, nameStart, nameEnd)] ?? 0) - 1
      const name = this.#names[number]
      if (name === undefined) onDifferent(Buffer.from(message.subarray(nameStart, nameEnd)).toString())
      else {
        this.#seen[number] = comparison
        if (!this.#isVersion(number, message, places[at + 2] ?? 0, places[at + 3] ?? 0)) onDifferent(name)
      }
    }
    if (within === undefined) this.#tellUnseen(this.#names.keys(), onDifferent)
    else for (const bucket of within) this.#tellUnseen(this.#namesOf(bucket), onDifferent)
  }

  #tellUnseen(numbers: Iterable<number>, onDifferent: (name: string) => void): void {
    for (const number of numbers) {
      const name = this.#names[number]
      if (name !== undefined && this.#seen[number] !== this.#comparison) onDifferent(name)
    }
  }

  #namesOf(bucket: number): readonly number[] {
    this.#buckets ??= byBucket(this.#names)
    return this.#buckets[bucket] ?? []
  }

  #isVersion(number: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#nameEnds[number] ?? 0
    return (this.#starts[number + 1] ?? 0) - from === end - start && this.#equals(from, bytes, start, end)
  }

  /** Where the name is, or would be. */
  #slotOf(bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hashOf(bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
      const number = (this.#slots[slot] ?? 0) - 1
      if (number < 0) return slot
      const from = this.#starts[number] ?? 0
      const isSameLength = (this.#nameEnds[number] ?? 0) - from === end - start
      if (isSameLength && this.#equals(from, bytes, start, end)) return slot
    }
  }

  #equals(from: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.#bytes
    // From the end: names differ there.
    for (let i = end - start - 1; i >= 0; i--) if (own[from + i] !== bytes[start + i]) return false
    return true
  }
}

function byBucket(names: readonly string[]): readonly (readonly number[])[] {
  const buckets: number[][] = []
  for (const [number, name] of names.entries()) (buckets[bucketOf(name)] ??= []).push(number)
  return buckets
}

/** FNV-1a. @see https://datatracker.ietf.org/doc/html/draft-eastlake-fnv */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = seed
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
