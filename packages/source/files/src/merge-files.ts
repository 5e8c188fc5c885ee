import { firstOfEach } from '@tulle/api'
import type { AnyObject, Problem } from '@tulle/api'
import { compareText } from '@tulle/core'
import type { FileState, HeldObject } from './file-state.ts'
import { objectText } from './file-state.ts'

/** What a key stands for now; undefined where nothing does any more. */
export type MergedChanges = ReadonlyMap<string, AnyObject | undefined>

interface Claim {
  readonly state: FileState
  readonly held: HeldObject
}

/**
 * What all files say together. Of two objects with one key the first counts, by file name and then by place; what
 * is not written in a file any more gives way without a word, because it was moved.
 *
 * A file that changes costs what is written in it, however many others there are.
 */
export class MergedFiles {
  /** One, as a rule: a list around each would take much memory. */
  readonly #claims: Map<string, Claim | readonly Claim[]> = new Map()
  /** Keys that more than one document claims. */
  readonly #contested: Set<string> = new Set()
  readonly #troubled: Map<string, FileState> = new Map()
  #changes: Map<string, AnyObject | undefined> = new Map()

  /** How many objects are in force. */
  get size(): number {
    return this.#claims.size
  }

  /** Puts `after` in the place of `before`, which was the state of the same file. */
  replace(before: FileState | undefined, after: FileState | undefined): void {
    if (before === after) return
    if (before !== undefined) this.#withdraw(before)
    if (after !== undefined) this.#enter(after)
  }

  /** What may have changed since this was asked the last time. */
  takeChanges(): MergedChanges {
    for (const key of this.#changes.keys()) this.#changes.set(key, this.#winner(key)?.held.object)
    const changes = this.#changes
    this.#changes = new Map()
    return changes
  }

  /** What is wrong anywhere. */
  problems(): readonly Problem[] {
    const problems = [...this.#contested].flatMap((key) => this.#duplicates(key))
    for (const state of this.#troubled.values()) {
      for (const { problem, keeps } of state.problems) {
        const inForce = keeps.flatMap((key) => outdatedObject(this.#winner(key), state) ?? [])
        problems.push(withKept(problem, inForce))
      }
    }
    return problems
  }

  #withdraw(state: FileState): void {
    this.#troubled.delete(state.path)
    for (const { key } of state.objects) {
      this.#claim(
        key,
        this.#claimsOf(key).filter((claim) => claim.state !== state),
      )
    }
  }

  #enter(state: FileState): void {
    if (state.problems.length > 0) this.#troubled.set(state.path, state)
    for (const held of state.objects) {
      const claim = { state, held }
      // So it is for nearly every key of a start.
      if (!this.#claims.has(held.key)) this.#claimAlone(held.key, claim)
      else this.#claim(held.key, [...this.#claimsOf(held.key), claim])
    }
  }

  #claimsOf(key: string): readonly Claim[] {
    const claims = this.#claims.get(key)
    if (claims === undefined) return []
    return isOne(claims) ? [claims] : claims
  }

  #claim(key: string, claims: readonly Claim[]): void {
    const [first] = claims
    if (first === undefined) this.#claims.delete(key)
    else this.#claims.set(key, claims.length === 1 ? first : claims)
    this.#changes.set(key, undefined)
    if (claims.length > 1) this.#contested.add(key)
    else this.#contested.delete(key)
  }

  #claimAlone(key: string, claim: Claim): void {
    this.#claims.set(key, claim)
    this.#changes.set(key, undefined)
  }

  #winner(key: string): Claim | undefined {
    const claims = this.#claims.get(key)
    if (claims === undefined || isOne(claims)) return claims
    return claims.toSorted((a, b) => rankOf(a) - rankOf(b) || compareClaims(a, b))[0]
  }

  #duplicates(key: string): readonly Problem[] {
    const written = this.#claimsOf(key).filter((claim) => rankOf(claim) === 0)
    return firstOfEach(written.toSorted(compareClaims).map(({ held }) => held.object)).problems
  }
}

function isOne(claims: Claim | readonly Claim[]): claims is Claim {
  return !Array.isArray(claims)
}

/** 0 for what is written in a file now, 1 for an earlier version of it, 2 for a file that may be gone. */
function rankOf({ state, held }: Claim): number {
  return state.missingSinceMs !== undefined ? 2 : held.outdated ? 1 : 0
}

/** Objects of one file keep the order that its reader gave them. */
function compareClaims(a: Claim, b: Claim): number {
  return compareText(a.state.path, b.state.path)
}

function outdatedObject(claim: Claim | undefined, state: FileState): AnyObject | undefined {
  return claim?.held.outdated === true && claim.state === state ? claim.held.object : undefined
}

function withKept(problem: Problem, objects: readonly AnyObject[]): Problem {
  const [first] = objects
  if (first === undefined) return problem
  const what = objects.length === 1 ? objectText(first) : `${objects.length} objects`
  return { ...problem, message: `${problem.message}; the last good version of ${what} stays in force` }
}
