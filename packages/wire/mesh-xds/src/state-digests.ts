import { hash } from 'node:crypto'
import { compareText } from '@tulle/core'

/** A dozen names each where there are fifty thousand. */
const bucketCount = 4096
/** Of SHA-256: two states with the same digest would have to be looked for 2^96 times. */
const digestBytes = 24
const digestWords = digestBytes / 4

/** Below it versions are shorter than digests. */
export const minDigestedNames = 1000

/** Numbers of buckets. */
export type Buckets = ReadonlySet<number>

/**
 * A state as digests: names fall into buckets, and each bucket has a digest of its names and their versions. Two sides
 * compare 96 KiB instead of all versions, and find where they differ.
 *
 * A digest is one of the whole bucket, not a sum of digests of its entries: whoever may create objects chooses names
 * and versions, and out of enough of them he could make any sum, so that a policy's removal goes unnoticed. That
 * somebody gives many names the same bucket costs what it saves, and no more.
 */
export class StateDigests {
  readonly #buckets: (Map<string, string> | undefined)[] = []
  readonly #words: Int32Array<ArrayBuffer> = new Int32Array(bucketCount * digestWords)
  readonly #digests: Buffer = Buffer.from(this.#words.buffer)
  /** Buckets whose digests are of an earlier state. */
  readonly #stale: Set<number> = new Set()

  static of(versions: Iterable<readonly [name: string, version: string]>): StateDigests {
    const state = new StateDigests()
    for (const [name, version] of versions) state.set(name, version)
    return state
  }

  set(name: string, version: string): void {
    const bucket = bucketOf(name)
    const versions = this.#buckets[bucket]
    if (versions === undefined) this.#buckets[bucket] = new Map([[name, version]])
    else versions.set(name, version)
    this.#stale.add(bucket)
  }

  delete(name: string): void {
    const bucket = bucketOf(name)
    if (this.#buckets[bucket]?.delete(name) === true) this.#stale.add(bucket)
  }

  /** Names and their versions. */
  entries(bucket: number): Iterable<readonly [name: string, version: string]> {
    return this.#buckets[bucket] ?? []
  }

  /** As it travels. */
  toText(): string {
    this.#freshen()
    return this.#digests.toString('base64')
  }

  /** Where the other side's differs; undefined where its text is none of these. */
  differing(text: string): Buckets | undefined {
    if (!readTheirs(text)) return undefined
    this.#freshen()
    const ours = this.#words
    const buckets = new Set<number>()
    for (let bucket = 0, at = 0; bucket < bucketCount; bucket++, at += digestWords) {
      for (let i = at; i < at + digestWords; i++) {
        if (ours[i] === theirs[i]) continue
        buckets.add(bucket)
        break
      }
    }
    return buckets
  }

  #freshen(): void {
    for (const bucket of this.#stale) {
      const versions = this.#buckets[bucket]
      const start = bucket * digestBytes
      // Nothing in it is told from everything else by zeros.
      if (versions === undefined || versions.size === 0) this.#digests.fill(0, start, start + digestBytes)
      else digestOf(versions).copy(this.#digests, start, 0, digestBytes)
    }
    this.#stale.clear()
  }
}

/** FNV-1a of the name's UTF-16 units: both sides must come to the same, so nothing in it is secret. */
export function bucketOf(name: string): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < name.length; i++) sum = Math.imul(sum ^ name.charCodeAt(i), 0x01000193)
  return (sum ^ (sum >>> 12) ^ (sum >>> 24)) & (bucketCount - 1)
}

/** A bit for each bucket, as it travels. */
export function bucketsToText(buckets: Buckets): string {
  const bits = Buffer.alloc(bucketCount / 8)
  for (const bucket of buckets) bits[bucket >> 3] = (bits[bucket >> 3] ?? 0) | (1 << (bucket & 7))
  return bits.toString('base64')
}

/** Undefined where the text is none of these. */
export function bucketsOfText(text: string): Buckets | undefined {
  const bits = readBase64(text, bucketCount / 8)
  if (bits === undefined) return undefined
  const buckets = new Set<number>()
  for (let bucket = 0; bucket < bucketCount; bucket++)
    if (((bits[bucket >> 3] ?? 0) & (1 << (bucket & 7))) !== 0) buckets.add(bucket)
  return buckets
}

/** With lengths in front, so that no two buckets read the same. */
function digestOf(versions: ReadonlyMap<string, string>): Buffer {
  const parts = Array.from(
    versions,
    ([name, version]) => `${name.length}:${name}${version.length}:${version}`,
  )
  return hash('sha256', parts.toSorted(compareText).join(''), 'buffer')
}

/** The other side's digests: one memory for all who bring some, as they come by the hundred. */
const theirs: Int32Array<ArrayBuffer> = new Int32Array(bucketCount * digestWords)
const theirBytes: Buffer = Buffer.from(theirs.buffer)

/** False where the text is none of digests. */
function readTheirs(text: string): boolean {
  const { length } = theirBytes
  return text.length === (length / 3) * 4 && theirBytes.write(text, 'base64') === length
}

function readBase64(text: string, bytes: number): Buffer | undefined {
  if (text.length !== 4 * Math.ceil(bytes / 3)) return undefined
  const read = Buffer.from(text, 'base64')
  return read.length === bytes ? read : undefined
}
