import { Alphabet } from './alphabet.ts'
import { emptyWidth, op } from './program.ts'
import type { Program } from './program.ts'

/** What came before a position; `unasked` where no live instruction is a condition. */
const before = { unasked: 0, other: 1, word: 2, newline: 3, start: 4 } as const

/** What a character led to: no text that goes on from here matches; every one does; it depends. */
export const outcome = { dead: 0, accepted: 1, alive: 2 } as const
export type StepOutcome = (typeof outcome)[keyof typeof outcome]

/** Rounds are numbered in 32 bits, and a proxy reads more characters than that. */
const lastRound = 0x7f_ff_ff_ff

/** Sorting an instruction into a position takes as long as looking at so many. */
const saveSteps = 4

/**
 * A position of an automaton: as characters of a string, first what came before (where a condition still asks), then the
 * live instructions, ascending. So equal positions are equal strings.
 */
export type Position = string

/**
 * Runs all ways through a program side by side, one character at a time (Thompson). What it holds and what a character
 * costs is bounded by the size of the program; `steps` grows by one for each instruction it looks at.
 */
export class Automaton {
  steps: number = 0
  readonly alphabet: Alphabet
  /** Stands for the end of the text. */
  readonly endClass: number
  readonly #program: Program
  readonly #full: boolean
  /** The round in which an instruction was reached last, so that it is reached once a round. */
  readonly #reachedIn: Int32Array
  readonly #stack: Int32Array
  #live: Uint16Array
  #liveCount: number = 0
  /** The live instructions before this character. */
  #previous: Uint16Array
  #came: number = before.start
  #round: number = 0
  #matched: boolean = false
  #asks: boolean = false

  constructor(program: Program, anchor: 'full' | 'start') {
    const size = program.ops.length
    this.alphabet = new Alphabet(program)
    this.endClass = this.alphabet.classCount
    this.#program = program
    this.#full = anchor === 'full'
    this.#reachedIn = new Int32Array(size)
    // An instruction is expanded once a round and pushes two others at most.
    this.#stack = new Int32Array(2 * size + 2)
    this.#live = new Uint16Array(size)
    this.#previous = new Uint16Array(size)
  }

  /** To the beginning of a text. */
  start(): StepOutcome {
    this.#swap()
    this.#reach(this.#program.start, 0)
    return this.#arrive(before.start)
  }

  /** Back to a position that was saved. */
  restore(position: Position): void {
    this.#came = position.charCodeAt(0)
    this.#liveCount = position.length - 1
    for (let index = 0; index < this.#liveCount; index++) this.#live[index] = position.charCodeAt(index + 1)
    this.steps += this.#liveCount
  }

  /** The position, to come back to. Only after an outcome of `alive`. */
  save(): Position {
    const live = this.#live.subarray(0, this.#liveCount).sort()
    this.steps += live.length * saveSteps
    return String.fromCharCode(this.#came, ...live)
  }

  /** Takes one character, by its class, or the end of the text: that leaves nothing alive. */
  advance(characterClass: number): StepOutcome {
    if (this.#came !== before.unasked) {
      const satisfied = this.#satisfiedBefore(characterClass)
      const asked = this.#swap()
      for (let index = 0; index < asked; index++) this.#reach(this.#previous[index] ?? 0, satisfied)
      if (this.#matched && !this.#full) return outcome.accepted
    }
    if (characterClass === this.endClass) return this.#holdsMatch() ? outcome.accepted : outcome.dead
    const { ops, out, arg } = this.#program
    const count = this.#swap()
    this.steps += count
    for (let index = 0; index < count; index++) {
      const at = this.#previous[index] ?? 0
      if (ops[at] === op.rune && this.alphabet.holds(arg[at] ?? 0, characterClass))
        this.#reach(out[at] ?? 0, 0)
    }
    return this.#arrive(this.#cameWith(characterClass))
  }

  /** The live instructions become the previous ones, and none are live. Their number. */
  #swap(): number {
    const count = this.#liveCount
    const live = this.#live
    this.#live = this.#previous
    this.#previous = live
    this.#nextRound()
    this.#liveCount = 0
    this.#matched = false
    this.#asks = false
    return count
  }

  #nextRound(): void {
    if (this.#round === lastRound) {
      this.#reachedIn.fill(0)
      this.#round = 0
    }
    this.#round++
  }

  /** Follows everything that takes no character; a condition that is not satisfied stays. */
  #reach(from: number, satisfied: number): void {
    const { ops, out, arg } = this.#program
    const stack = this.#stack
    const reachedIn = this.#reachedIn
    const round = this.#round
    let depth = 0
    stack[depth++] = from
    while (depth > 0) {
      const at = stack[--depth] ?? 0
      if (reachedIn[at] === round) continue
      reachedIn[at] = round
      this.steps++
      const kind = ops[at]
      if (kind === op.jump || kind === op.alt) {
        stack[depth++] = out[at] ?? 0
        if (kind === op.alt) stack[depth++] = arg[at] ?? 0
      } else if (kind === op.empty && ((arg[at] ?? 0) & ~satisfied) === 0) {
        stack[depth++] = out[at] ?? 0
      } else if (kind !== op.fail) {
        this.#keep(at)
      }
    }
  }

  #keep(at: number): void {
    this.#live[this.#liveCount++] = at
    if (this.#program.ops[at] === op.match) this.#matched = true
    if (this.#program.ops[at] === op.empty) this.#asks = true
  }

  #arrive(came: number): StepOutcome {
    this.#came = this.#asks ? came : before.unasked
    if (this.#matched && !this.#full) return outcome.accepted
    return this.#liveCount === 0 ? outcome.dead : outcome.alive
  }

  #holdsMatch(): boolean {
    for (let index = 0; index < this.#liveCount; index++) {
      if (this.#program.ops[this.#live[index] ?? 0] === op.match) return true
    }
    return false
  }

  #satisfiedBefore(characterClass: number): number {
    const atEnd = characterClass === this.endClass
    const wordNext = !atEnd && this.alphabet.isWord(characterClass)
    const boundary = (this.#came === before.word) !== wordNext
    let satisfied: number = boundary ? emptyWidth.wordBoundary : emptyWidth.noWordBoundary
    if (this.#came === before.start) satisfied |= emptyWidth.beginText | emptyWidth.beginLine
    if (this.#came === before.newline) satisfied |= emptyWidth.beginLine
    if (atEnd) satisfied |= emptyWidth.endText | emptyWidth.endLine
    else if (this.alphabet.isNewline(characterClass)) satisfied |= emptyWidth.endLine
    return satisfied
  }

  #cameWith(characterClass: number): number {
    if (this.alphabet.isNewline(characterClass)) return before.newline
    return this.alphabet.isWord(characterClass) ? before.word : before.other
  }
}
