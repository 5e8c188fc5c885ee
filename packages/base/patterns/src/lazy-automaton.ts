import { outcome } from './automaton.ts'
import type { Automaton, Position, StepOutcome } from './automaton.ts'
import type { MatchLimits } from './limits.ts'
import type { Matcher } from './matcher.ts'

/** States: not known yet, nothing can match any more, everything matches, and from 3 on the positions that were met. */
const unknown = 0
const dead = 1
const accepted = 2
const firstPosition = 3
const initialStates = 8

/**
 * A deterministic automaton that is made as texts need it. Transitions are remembered up to a limit; a text that needs more
 * goes on without memory, and the next one begins with an empty one. Either way takes time linear in the text, and a text
 * that takes more steps than the limit gets no answer.
 */
export class LazyAutomaton implements Matcher {
  readonly #automaton: Automaton
  readonly #limits: MatchLimits
  readonly #stride: number
  #table: Int32Array = new Int32Array(0)
  #positions: Position[] = []
  #stateOf: Map<Position, number> = new Map()
  #startState: number = unknown
  #cacheBytes: number = 0
  #full: boolean = false
  #steps: number = 0

  constructor(automaton: Automaton, limits: MatchLimits) {
    this.#automaton = automaton
    this.#limits = limits
    this.#stride = automaton.endClass + 1
    this.#forget()
  }

  /** Steps that the last text took. */
  get lastSteps(): number {
    return this.#steps + this.#automaton.steps
  }

  /** Bytes that are remembered now. */
  get cacheBytes(): number {
    return this.#cacheBytes
  }

  test(text: string): boolean {
    return this.decide(text) === true
  }

  decide(text: string): boolean | undefined {
    this.#automaton.steps = 0
    this.#steps = text.length
    if (text.length > this.#limits.maxSteps) return undefined
    if (this.#full) this.#forget()
    if (this.#startState !== unknown) return this.#run(text)
    return this.#simulate(text, 0, this.#automaton.start())
  }

  #run(text: string): boolean | undefined {
    const { alphabet } = this.#automaton
    const { latin1 } = alphabet
    const stride = this.#stride
    const end = text.length
    let table = this.#table
    let state = this.#startState
    let at = 0
    while (at < end && state >= firstPosition) {
      const unit = text.charCodeAt(at)
      const rune = unit < 256 ? unit : (text.codePointAt(at) ?? 0)
      const characterClass = rune < 256 ? (latin1[rune] ?? 0) : alphabet.classOf(rune)
      let next = table[state * stride + characterClass] ?? unknown
      if (next === unknown) {
        next = this.#learn(state, characterClass)
        if (next === unknown) return this.#simulateFrom(state, text, at)
        if (this.lastSteps > this.#limits.maxSteps) return undefined
        table = this.#table
      }
      state = next
      at += rune > 0xff_ff ? 2 : 1
    }
    return state < firstPosition ? state === accepted : this.#finish(state)
  }

  #finish(state: number): boolean {
    const known = this.#table[state * this.#stride + this.#automaton.endClass] ?? unknown
    return (known === unknown ? this.#learn(state, this.#automaton.endClass) : known) === accepted
  }

  /** Computes and remembers a transition; `unknown` where there is no room. */
  #learn(state: number, characterClass: number): number {
    this.#automaton.restore(this.#positions[state] ?? '')
    const next = this.#stateAfter(this.#automaton.advance(characterClass))
    if (next !== unknown) this.#table[state * this.#stride + characterClass] = next
    return next
  }

  #stateAfter(step: StepOutcome): number {
    if (step === outcome.dead) return dead
    if (step === outcome.accepted) return accepted
    const position = this.#automaton.save()
    const known = this.#stateOf.get(position)
    if (known !== undefined) return known
    const bytes = this.#cacheBytes + this.#stride * 4 + position.length * 2
    if (bytes > this.#limits.maxCacheBytes) {
      this.#full = true
      return unknown
    }
    this.#cacheBytes = bytes
    const state = this.#positions.push(position) - 1
    this.#stateOf.set(position, state)
    if ((state + 1) * this.#stride > this.#table.length) this.#widen()
    return state
  }

  #widen(): void {
    const wider = new Int32Array(this.#table.length * 2)
    wider.set(this.#table)
    this.#table = wider
  }

  #forget(): void {
    this.#full = false
    this.#cacheBytes = 0
    this.#table = new Int32Array(initialStates * this.#stride)
    this.#positions = Array.from({ length: firstPosition }, () => '')
    this.#stateOf = new Map()
    this.#startState = this.#stateAfter(this.#automaton.start())
  }

  #simulateFrom(state: number, text: string, from: number): boolean | undefined {
    this.#automaton.restore(this.#positions[state] ?? '')
    return this.#simulate(text, from, outcome.alive)
  }

  /** The rest of a text, nothing remembered. */
  #simulate(text: string, from: number, before: StepOutcome): boolean | undefined {
    let step = before
    for (let at = from; at < text.length && step === outcome.alive; at++) {
      const rune = text.codePointAt(at) ?? 0
      step = this.#automaton.advance(this.#automaton.alphabet.classOf(rune))
      if (this.lastSteps > this.#limits.maxSteps) return undefined
      if (rune > 0xff_ff) at++
    }
    if (step === outcome.alive) step = this.#automaton.advance(this.#automaton.endClass)
    return step === outcome.accepted
  }
}
