/** Damage to bytes. */
import type { Rng } from '@tulle/core'

const telling = [0, 1, 2, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xbe, 0xc0, 0xfe, 0xff]

export function below(rng: Rng, end: number): number {
  return Math.floor(rng.next() * end)
}

export function pick<T>(rng: Rng, list: readonly T[]): T {
  const found = list[below(rng, list.length)]
  if (found === undefined) throw new Error('expected something to pick from')
  return found
}

export interface Material {
  readonly corpus: readonly Uint8Array[]
  readonly words: readonly Uint8Array[]
  readonly maxBytes: number
}

/** One to eight changes to `input`, which itself stays. */
export function mutate(rng: Rng, input: Uint8Array, material: Material): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(input)
  for (let left = 1 + below(rng, 8); left > 0; left--) bytes = change(rng, bytes, material)
  return bytes.subarray(0, material.maxBytes)
}

function change(rng: Rng, bytes: Uint8Array, { corpus, words }: Material): Uint8Array {
  const at = below(rng, bytes.length + 1)
  switch (below(rng, 9)) {
    case 0:
      return set(bytes, at, (bytes[at] ?? 0) ^ (1 << below(rng, 8)))
    case 1:
      return set(bytes, at, below(rng, 256))
    case 2:
      return set(bytes, at, pick(rng, telling))
    case 3:
      return splice(bytes, at, below(rng, 8), new Uint8Array(0))
    case 4:
      return splice(bytes, at, 0, Uint8Array.of(below(rng, 256)))
    case 5:
      return splice(bytes, at, 0, words.length > 0 ? pick(rng, words) : Uint8Array.of(pick(rng, telling)))
    case 6: {
      const from = below(rng, bytes.length + 1)
      return splice(bytes, at, 0, bytes.slice(from, from + below(rng, 64)))
    }
    case 7: {
      const other = pick(rng, corpus)
      const from = below(rng, other.length + 1)
      return splice(bytes, at, below(rng, 64), other.subarray(from, from + 1 + below(rng, 256)))
    }
    default:
      return bytes.subarray(0, at)
  }
}

function set(bytes: Uint8Array, at: number, value: number): Uint8Array {
  if (at < bytes.length) bytes[at] = value
  return bytes
}

function splice(bytes: Uint8Array, at: number, removed: number, put: Uint8Array): Uint8Array {
  const rest = Math.min(bytes.length, at + removed)
  const spliced = new Uint8Array(at + put.length + bytes.length - rest)
  spliced.set(bytes.subarray(0, at))
  spliced.set(put, at)
  spliced.set(bytes.subarray(rest), at + put.length)
  return spliced
}
