import type { Matcher, PatternSpec } from './matcher.ts'
import { emptyWidth, op } from './program.ts'
import type { Program } from './program.ts'

const maxRune = 0x10_ff_ff
const newline = 10

/** What may stand between two literals: nothing, any characters but newlines (`.*`), any characters (`(?s).*`). */
type Gap = 'none' | 'line' | 'all'

/** `head gap tail`: `/a` is head alone, `/a.*` head and gap, `.*\.png` gap and tail. */
interface Shape {
  readonly head: string
  readonly gap: Gap
  readonly tail: string
  readonly anchor: PatternSpec['anchor']
}

/** Most patterns that people write are a literal with or without `.*`: for those, a matcher that only compares strings. */
export function shapeMatcher(program: Program, anchor: PatternSpec['anchor']): Matcher | undefined {
  const shape = new ShapeReader(program).read(anchor)
  if (shape === undefined) return undefined
  const test = testOf(shape)
  return { test, decide: test }
}

function testOf({ head, gap, tail, anchor }: Shape): (text: string) => boolean {
  if (gap === 'none') {
    return anchor === 'full' ? (text) => text === head : (text) => text.startsWith(head)
  }
  const shortest = head.length + tail.length
  if (gap === 'all') {
    return (text) => text.length >= shortest && text.startsWith(head) && text.endsWith(tail)
  }
  return (text) => {
    if (text.length < shortest || !text.startsWith(head) || !text.endsWith(tail)) return false
    const broken = text.indexOf('\n', head.length)
    return broken === -1 || broken >= text.length - tail.length
  }
}

/**
 * What every text begins with that the pattern matches; empty where that is not one literal. A pattern is anchored at its start
 * either way, so a text that begins otherwise is answered without the automaton.
 */
export function literalHead(program: Program): string {
  return new ShapeReader(program).readHead()
}

class ShapeReader {
  readonly #program: Program
  #at: number

  constructor(program: Program) {
    this.#program = program
    this.#at = program.start
  }

  readHead(): string {
    while (this.#isEmpty(emptyWidth.beginText)) this.#at = this.#program.out[this.#at] ?? 0
    const head = this.#readLiteral()
    return isWhole(head) ? head : ''
  }

  read(anchor: PatternSpec['anchor']): Shape | undefined {
    while (this.#isEmpty(emptyWidth.beginText)) this.#at = this.#program.out[this.#at] ?? 0
    const head = this.#readLiteral()
    const gap = this.#readGap()
    const tail = gap === 'none' ? '' : this.#readLiteral()
    const closed = this.#isEmpty(emptyWidth.endText)
    while (this.#isEmpty(emptyWidth.endText)) this.#at = this.#program.out[this.#at] ?? 0
    this.#skipJumps()
    if (this.#program.ops[this.#at] !== op.match) return undefined
    if (!isWhole(head) || !isWhole(tail)) return undefined
    if (closed || anchor === 'full') return { head, gap, tail, anchor: 'full' }
    // Any beginning will do, so a gap at the end may as well be empty.
    return tail === '' ? { head, gap: 'none', tail, anchor } : undefined
  }

  #readLiteral(): string {
    let literal = ''
    for (let rune = this.#oneRune(); rune !== undefined; rune = this.#oneRune()) {
      literal += String.fromCodePoint(rune)
      this.#at = this.#program.out[this.#at] ?? 0
    }
    return literal
  }

  #oneRune(): number | undefined {
    this.#skipJumps()
    const { ops, arg, sets } = this.#program
    const set = ops[this.#at] === op.rune ? sets[arg[this.#at] ?? 0] : undefined
    return set?.length === 2 && set[0] === set[1] ? set[0] : undefined
  }

  /** A loop over one instruction that takes (nearly) every character. */
  #readGap(): Gap {
    this.#skipJumps()
    const { ops, out, arg } = this.#program
    const loop = this.#at
    if (ops[loop] !== op.alt) return 'none'
    for (const [body, after] of [
      [out[loop] ?? 0, arg[loop] ?? 0],
      [arg[loop] ?? 0, out[loop] ?? 0],
    ] as const) {
      const gap = ops[body] === op.rune && out[body] === loop ? this.#gapOf(body) : 'none'
      if (gap === 'none') continue
      this.#at = after
      return gap
    }
    return 'none'
  }

  #gapOf(body: number): Gap {
    const set = this.#program.sets[this.#program.arg[body] ?? 0] ?? new Int32Array(0)
    if (set.join() === `0,${maxRune}`) return 'all'
    return set.join() === `0,${newline - 1},${newline + 1},${maxRune}` ? 'line' : 'none'
  }

  #isEmpty(condition: number): boolean {
    this.#skipJumps()
    const { ops, arg } = this.#program
    return ops[this.#at] === op.empty && arg[this.#at] === condition
  }

  #skipJumps(): void {
    while (this.#program.ops[this.#at] === op.jump) this.#at = this.#program.out[this.#at] ?? 0
  }
}

/** Half of a surrogate pair would match within a pair, which is one character and not two. */
function isWhole(literal: string): boolean {
  return literal.isWellFormed()
}
