import type { Clock } from '@tulle/core'
import { Deadlines } from './deadlines.ts'
import type { Deadline } from './deadlines.ts'

/** What the main thread says of a name: its answer is in the state, or there was none in time. */
export type DemandOutcome = 'answered' | 'unanswered'

export interface AddressDemandDeps {
  readonly clock: Clock
  /** How long a connection waits for an answer. */
  readonly timeoutMs: number
  /** Connections of one workload that wait; more are refused. */
  readonly maxWaitingPerWorkload: number
  /** Asks the main thread, once for all who wait for the same name. */
  readonly ask: (name: string) => void
}

interface Wait {
  readonly uid: string
  readonly onOutcome: (outcome: DemandOutcome) => void
  deadline: Deadline | undefined
}

/** Names that nothing is behind are believed for so long without asking again: the main thread may have let them go. */
const absentMs = 5000
const maxAbsent = 4096

/**
 * What a worker does not know of the mesh and its connections need, where addresses are served on demand: each name is
 * asked for once, whoever waits for it, and no longer than a connection can wait.
 */
export class AddressDemand {
  readonly #deps: AddressDemandDeps
  readonly #deadlines: Deadlines
  readonly #waiting: Map<string, Set<Wait>> = new Map()
  readonly #countByWorkload: Map<string, number> = new Map()
  /** Monotonic times until which names count as known to stand for nothing; the oldest first. */
  readonly #absent: Map<string, number> = new Map()

  constructor(deps: AddressDemandDeps) {
    this.#deps = deps
    this.#deadlines = new Deadlines(deps.clock, deps.timeoutMs)
  }

  /** Whether the control plane said moments ago that this name stands for nothing. */
  isAbsent(name: string): boolean {
    const untilMs = this.#absent.get(name)
    if (untilMs === undefined) return false
    if (untilMs > this.#deps.clock.monotonicMs()) return true
    this.#absent.delete(name)
    return false
  }

  /** Asks for a name; false where this workload has too many connections that wait. `onOutcome` comes later, once. */
  ask(uid: string, name: string, onOutcome: Wait['onOutcome']): boolean {
    const count = this.#countByWorkload.get(uid) ?? 0
    if (count >= this.#deps.maxWaitingPerWorkload) return false
    this.#countByWorkload.set(uid, count + 1)
    const wait: Wait = { uid, onOutcome, deadline: undefined }
    wait.deadline = this.#deadlines.begin(() => this.#end(name, wait, 'unanswered'))
    const others = this.#waiting.get(name)
    if (others !== undefined) others.add(wait)
    else {
      this.#waiting.set(name, new Set([wait]))
      this.#deps.ask(name)
    }
    return true
  }

  /** The main thread has an answer, or none. `isKnown` says whether there is something behind the name now. */
  settle(name: string, outcome: DemandOutcome, isKnown: boolean): void {
    if (outcome === 'answered' && !isKnown) this.#noteAbsent(name)
    for (const wait of this.#waiting.get(name) ?? []) this.#end(name, wait, outcome)
  }

  /** A workload has left: its connections wait for nothing. */
  leave(uid: string): void {
    if (!this.#countByWorkload.has(uid)) return
    for (const [name, waits] of this.#waiting)
      for (const wait of waits) if (wait.uid === uid) this.#end(name, wait, 'unanswered')
  }

  #end(name: string, wait: Wait, outcome: DemandOutcome): void {
    const waits = this.#waiting.get(name)
    if (waits?.delete(wait) !== true) return
    if (waits.size === 0) this.#waiting.delete(name)
    if (wait.deadline !== undefined) this.#deadlines.end(wait.deadline)
    const left = (this.#countByWorkload.get(wait.uid) ?? 1) - 1
    if (left === 0) this.#countByWorkload.delete(wait.uid)
    else this.#countByWorkload.set(wait.uid, left)
    wait.onOutcome(outcome)
  }

  #noteAbsent(name: string): void {
    this.#absent.delete(name)
    this.#absent.set(name, this.#deps.clock.monotonicMs() + absentMs)
    for (const oldest of this.#absent.keys()) {
      if (this.#absent.size <= maxAbsent) break
      this.#absent.delete(oldest)
    }
  }
}
