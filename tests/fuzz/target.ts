/** What is fuzzed: a reader of bytes that strangers send, and what has to hold whatever they are. */
import type { Rng } from '@tulle/core'

export interface FuzzTarget {
  readonly name: string
  /** What is tried, and what must hold. */
  readonly about: string
  /** Inputs that are as they should be, to be damaged. */
  readonly seeds: readonly Uint8Array[]
  /** Pieces that inputs are made of. */
  readonly words?: readonly Uint8Array[]
  readonly maxBytes: number
  /** Makes an input of its own; absent: seeds and what came of them are damaged. */
  make?(rng: Rng): Uint8Array
  /**
   * Runs one input. Throws where something does not hold; else says in a word how it came out, so that inputs with a
   * new outcome are kept to be damaged further.
   */
  run(input: Uint8Array): string
  /** Objects that runs left behind; has to be 0 after each. */
  leftovers?(): number
}

export function ensure(holds: boolean, what: () => string): void {
  if (!holds) throw new Error(what())
}
