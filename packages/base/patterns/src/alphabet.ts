import { emptyWidth } from './program.ts'
import type { Program, RuneRanges } from './program.ts'

/** ASCII alone: digits, capitals, underscore, small letters. */
const wordRanges: RuneRanges = Int32Array.of(0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a)
const newlineRanges: RuneRanges = Int32Array.of(0x0a, 0x0a)

/**
 * Characters that a program cannot tell apart, as one class: transitions are per class, so that a state needs a handful
 * of them and not a million. The class after the last stands for the end of the text.
 */
export class Alphabet {
  readonly classCount: number
  /** The classes of the first 256 characters. */
  readonly latin1: Uint16Array
  readonly #bounds: Int32Array
  readonly #classes: Uint16Array
  readonly #members: readonly Uint8Array[]
  readonly #words: Uint8Array
  readonly #newlines: Uint8Array

  constructor(program: Program) {
    const line = (program.conditions & (emptyWidth.beginLine | emptyWidth.endLine)) !== 0
    const word = (program.conditions & (emptyWidth.wordBoundary | emptyWidth.noWordBoundary)) !== 0
    const sets = [...program.sets, ...(line ? [newlineRanges] : []), ...(word ? [wordRanges] : [])]
    this.#bounds = boundsOf(sets)
    const spans = sets.map((set) => spansOf(set, this.#bounds))
    this.#classes = classesOf(spans, this.#bounds.length)
    this.classCount = this.#classes.reduce((most, index) => Math.max(most, index + 1), 0)
    const members = spans.map((span) => this.#membersOf(span))
    const none = new Uint8Array(this.classCount)
    this.#words = (word ? members.pop() : undefined) ?? none
    this.#newlines = (line ? members.pop() : undefined) ?? none
    this.#members = members
    this.latin1 = Uint16Array.from({ length: 256 }, (_, rune) => this.classOf(rune))
  }

  classOf(rune: number): number {
    return this.#classes[lastAtOrBelow(this.#bounds, rune)] ?? 0
  }

  /** Whether a set of the program holds the characters of a class. */
  holds(set: number, characterClass: number): boolean {
    return this.#members[set]?.[characterClass] === 1
  }

  isWord(characterClass: number): boolean {
    return this.#words[characterClass] === 1
  }

  isNewline(characterClass: number): boolean {
    return this.#newlines[characterClass] === 1
  }

  #membersOf(spans: Int32Array): Uint8Array {
    const members = new Uint8Array(this.classCount)
    eachInterval(spans, (interval) => {
      members[this.#classes[interval] ?? 0] = 1
    })
    return members
  }
}

/** Where an interval of characters begins that all sets treat alike, ascending from 0. */
function boundsOf(sets: readonly RuneRanges[]): Int32Array {
  const bounds = new Set([0])
  for (const set of sets) {
    for (let at = 0; at < set.length; at += 2) {
      bounds.add(set[at] ?? 0)
      bounds.add((set[at + 1] ?? 0) + 1)
    }
  }
  return Int32Array.from(bounds).toSorted()
}

/** A set as pairs of its first interval and the one after its last. */
function spansOf(set: RuneRanges, bounds: Int32Array): Int32Array {
  return set.map((rune, index) => lastAtOrBelow(bounds, index % 2 === 0 ? rune : rune + 1))
}

/** Intervals that the same sets hold get the same class: each set splits the classes it holds a part of. */
function classesOf(spans: readonly Int32Array[], intervals: number): Uint16Array {
  const current = new Int32Array(intervals)
  let next = 1
  for (const span of spans) {
    const split = new Map<number, number>()
    eachInterval(span, (interval) => {
      const old = current[interval] ?? 0
      let fresh = split.get(old)
      if (fresh === undefined) {
        fresh = next++
        split.set(old, fresh)
      }
      current[interval] = fresh
    })
  }
  const compact = new Map<number, number>()
  return Uint16Array.from(current, (wide) => {
    const known = compact.get(wide) ?? compact.size
    compact.set(wide, known)
    return known
  })
}

function eachInterval(spans: Int32Array, visit: (interval: number) => void): void {
  for (let at = 0; at < spans.length; at += 2) {
    const end = spans[at + 1] ?? 0
    for (let interval = spans[at] ?? 0; interval < end; interval++) visit(interval)
  }
}

function lastAtOrBelow(bounds: Int32Array, rune: number): number {
  let low = 0
  let high = bounds.length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if ((bounds[middle] ?? 0) <= rune) low = middle
    else high = middle
  }
  return low
}
