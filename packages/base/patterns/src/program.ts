import { RE2JS } from 're2js'
import { foldOrbits } from './fold-orbits.ts'

/** What an instruction does. */
export const op = { fail: 0, alt: 1, jump: 2, empty: 3, match: 4, rune: 5 } as const

/** Conditions of `op.empty`, bits as RE2 numbers them. */
export const emptyWidth = {
  beginLine: 1,
  endLine: 2,
  beginText: 4,
  endText: 8,
  wordBoundary: 16,
  noWordBoundary: 32,
} as const

/** Characters as ascending pairs of first and last. */
export type RuneRanges = Int32Array

/** A pattern as a non-deterministic automaton: columns by instruction number. */
export interface Program {
  readonly start: number
  readonly ops: Uint8Array
  /** The next instruction. */
  readonly out: Int32Array
  /** alt: the other next instruction. empty: conditions that must all hold. rune: its place in `sets`. */
  readonly arg: Int32Array
  /** Distinct sets of characters. */
  readonly sets: readonly RuneRanges[]
  /** All conditions that occur, as bits. */
  readonly conditions: number
}

/** The instructions of re2js 2.10 (its class `Inst`), which its types leave open. */
interface ForeignInstruction {
  readonly op: number
  readonly out: number
  readonly arg: number
  readonly runes: Int32Array
}

const maxRune = 0x10_ff_ff
const newline = 10
const anyRune = new Int32Array([0, maxRune])
const anyRuneButNewline = new Int32Array([0, newline - 1, newline + 1, maxRune])
const foldCase = 1

/** Parses a pattern of RE2 syntax. Throws what re2js throws for one that is not. */
export function parseProgram(source: string): Program {
  const foreign = RE2JS.compile(source).re2().prog
  // The declaration says any[]; every field is checked below before it is used.
  const instructions = foreign.inst as readonly ForeignInstruction[]
  const orbits = foldOrbits(foldedRunes(instructions), (text) => readClasses(text))
  return new ProgramReader(instructions, orbits).read(foreign.start)
}

/** The sets of a pattern that is a row of character classes, in order. */
function readClasses(source: string): readonly RuneRanges[] {
  const foreign = RE2JS.compile(source).re2().prog
  const found: RuneRanges[] = []
  let at = foreign.start
  for (;;) {
    const instruction = foreign.inst[at] as ForeignInstruction
    if (instruction.op !== foreignOp.rune) return found
    found.push(instruction.runes)
    at = instruction.out
  }
}

const foreignOp = {
  alt: 1,
  altMatch: 2,
  capture: 3,
  emptyWidth: 4,
  fail: 5,
  match: 6,
  nop: 7,
  rune: 8,
  rune1: 9,
  runeAny: 10,
  runeAnyNotNewline: 11,
} as const

function foldedRunes(instructions: readonly ForeignInstruction[]): readonly number[] {
  const found = new Set<number>()
  for (const instruction of instructions) {
    const rune = instruction.op === foreignOp.rune ? foldedRune(instruction) : undefined
    if (rune !== undefined) found.add(rune)
  }
  return [...found]
}

/** The one character that an instruction matches whatever its case. */
function foldedRune({ arg, runes }: ForeignInstruction): number | undefined {
  return runes.length === 1 && (arg & foldCase) !== 0 ? runes[0] : undefined
}

class ProgramReader {
  readonly #instructions: readonly ForeignInstruction[]
  readonly #orbits: ReadonlyMap<number, RuneRanges>
  readonly #sets: RuneRanges[] = []
  /** Repeats share one array, which is far cheaper to tell than equal content. */
  readonly #byArray: Map<Int32Array, number> = new Map()
  readonly #byContent: Map<string, number> = new Map()

  constructor(instructions: readonly ForeignInstruction[], orbits: ReadonlyMap<number, RuneRanges>) {
    this.#instructions = instructions
    this.#orbits = orbits
  }

  read(start: number): Program {
    const size = this.#instructions.length
    const ops = new Uint8Array(size)
    const out = new Int32Array(size)
    const arg = new Int32Array(size)
    let conditions = 0
    for (const [at, instruction] of this.#instructions.entries()) {
      const kind = kindOf(instruction.op)
      ops[at] = kind
      out[at] = inside(instruction.out, size)
      if (kind === op.alt) arg[at] = inside(instruction.arg, size)
      if (kind === op.rune) arg[at] = this.#setOf(instruction)
      if (kind === op.empty) {
        arg[at] = instruction.arg
        conditions |= instruction.arg
      }
    }
    return { start: inside(start, size), ops, out, arg, sets: this.#sets, conditions }
  }

  #setOf(instruction: ForeignInstruction): number {
    const runes = this.#runesOf(instruction)
    const known = this.#byArray.get(runes)
    if (known !== undefined) return known
    const ranges = runes.length === 1 ? new Int32Array([runes[0] ?? 0, runes[0] ?? 0]) : runes
    const key = contentKey(ranges)
    const index = this.#byContent.get(key) ?? this.#sets.push(ranges) - 1
    this.#byContent.set(key, index)
    this.#byArray.set(runes, index)
    return index
  }

  #runesOf(instruction: ForeignInstruction): RuneRanges {
    if (instruction.op === foreignOp.runeAny) return anyRune
    if (instruction.op === foreignOp.runeAnyNotNewline) return anyRuneButNewline
    const folded = foldedRune(instruction)
    return (folded === undefined ? undefined : this.#orbits.get(folded)) ?? instruction.runes
  }
}

function kindOf(foreign: number): number {
  switch (foreign) {
    case foreignOp.alt:
    case foreignOp.altMatch:
      return op.alt
    case foreignOp.capture:
    case foreignOp.nop:
      return op.jump
    case foreignOp.emptyWidth:
      return op.empty
    case foreignOp.fail:
      return op.fail
    case foreignOp.match:
      return op.match
    case foreignOp.rune:
    case foreignOp.rune1:
    case foreignOp.runeAny:
    case foreignOp.runeAnyNotNewline:
      return op.rune
    default:
      throw new RangeError(`an instruction of kind ${foreign}, which is not known here`)
  }
}

function inside(pc: number, size: number): number {
  if (Number.isInteger(pc) && pc >= 0 && pc < size) return pc
  throw new RangeError(`a jump to instruction ${pc} of ${size}`)
}

/** The numbers as characters of a string: quick to make and exact. */
function contentKey(ranges: RuneRanges): string {
  return Buffer.from(ranges.buffer, ranges.byteOffset, ranges.byteLength).toString('latin1')
}
