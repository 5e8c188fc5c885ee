import type { Clock } from '@tulle/core'
import type { WindowBudget } from '@tulle/http2'
import { ByteBudget, HeldBytes } from '@tulle/tunnel'
import type { L4Limits } from './limits.ts'

/** What a workload has used since its last look at it; nothing of it is ever negative. */
export interface WorkloadUse {
  /** TLS handshakes begun on its HBONE port. */
  readonly handshakes: number
  /** Connections opened, in both directions. */
  readonly connections: number
  /** Connections and handshakes refused, for whatever reason. */
  readonly refusals: number
  /** Payload, both ways. */
  readonly bytes: number
  /** Pieces that the payload came in: one read of a socket, or one frame. */
  readonly chunks: number
}

export const noUse: WorkloadUse = { handshakes: 0, connections: 0, refusals: 0, bytes: 0, chunks: 0 }

/** What all workloads of a worker have together. */
export interface WorkerShares {
  readonly windowBudget: WindowBudget
  readonly held: HeldBytes
}

/** What one workload may use of its worker, and what it has used of it. */
export class WorkloadAccount {
  /** What its sessions may promise to receive, within what all of the worker may. */
  readonly windowBudget: ByteBudget
  /** What they hold for slow applications, within the same. */
  readonly held: HeldBytes
  readonly #clock: Clock
  readonly #limits: L4Limits
  /** Refusals by reason: a handful of words of ours. */
  readonly refused: Map<string, number> = new Map()
  #logTokens: number
  #filledMs: number
  #leftOut: number = 0
  leftOutInAll: number = 0
  handshakes: number = 0
  /** Those that are to begin; set by whoever holds them. */
  handshakesWaiting: () => number = () => 0
  connections: number = 0
  bytes: number = 0
  chunks: number = 0

  constructor(limits: L4Limits, clock: Clock, within: WorkerShares) {
    this.#limits = limits
    this.#clock = clock
    this.windowBudget = new ByteBudget(limits.maxWindowBytesPerWorkload, within.windowBudget)
    this.held = new HeldBytes(clock, limits.maxHeldBytesPerWorkload, within.held)
    this.#logTokens = limits.maxRefusalLines
    this.#filledMs = clock.monotonicMs()
  }

  /**
   * Counts a refusal. Returns how many before it were left out of the log, or undefined where this one is to be left
   * out too: a flood of refusals must not become a flood of lines.
   */
  refuse(reason: string): number | undefined {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)
    if (this.#logTokens < 1) this.#fill()
    if (this.#logTokens < 1) {
      this.#leftOut++
      this.leftOutInAll++
      return undefined
    }
    this.#logTokens--
    const leftOut = this.#leftOut
    this.#leftOut = 0
    return leftOut
  }

  get use(): WorkloadUse {
    const refusals = this.refused.values().reduce((sum, count) => sum + count, 0)
    return { ...this.#counts(), refusals }
  }

  #counts(): Omit<WorkloadUse, 'refusals'> {
    const { handshakes, connections, bytes, chunks } = this
    return { handshakes, connections, bytes, chunks }
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs()
    const earned = ((nowMs - this.#filledMs) / 1000) * this.#limits.refusalLinesPerSecond
    this.#logTokens = Math.min(this.#limits.maxRefusalLines, this.#logTokens + earned)
    this.#filledMs = nowMs
  }
}
