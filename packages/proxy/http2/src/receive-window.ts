import type { WindowBudget } from './session-options.ts'

/** What windows need to know to grow. One for all streams of a session. */
export interface WindowGrowth {
  monotonicMs(): number
  /** The session's round trip, or a guess while it is unknown. */
  readonly roundTripMs: number
  readonly budget: WindowBudget | undefined
}

/** Half a window drained in fewer round trips than this means that the window, not the peer, sets the pace. */
const pacedRoundTrips = 2
/** Round trips inside a machine are too short to judge by. */
const minPacedMs = 10

/**
 * How much a peer may send us, on a stream or the session (RFC 9113 §5.2). Credit is given back when half the window has been
 * consumed, so that updates are rare; a window that is drained fast doubles, up to its limit and the budget.
 */
export class ReceiveWindow {
  #available: number
  #size: number
  #pending = 0
  #granted = 0
  /** Given back while nothing came; to be had again, or not. */
  #rested = 0
  #lastUpdateMs = -1

  /** `available` is what the peer believes now, `size` what it shall have. */
  constructor(available: number, size: number) {
    this.#available = available
    this.#size = size
  }

  get size(): number {
    return this.#size
  }

  get available(): number {
    return this.#available
  }

  /** The peer sent `bytes` of flow-controlled payload; false when that was more than it had. */
  debit(bytes: number): boolean {
    this.#available -= bytes
    return this.#available >= 0
  }

  /** `bytes` were consumed. Returns the increment to announce now, or 0. */
  credit(bytes: number, maxSize: number, growth: WindowGrowth): number {
    if (this.#rested > 0) this.#wake(growth)
    this.#pending += bytes
    if (this.#pending * 2 < this.#size) return 0
    if (this.#size < maxSize) this.#grow(maxSize, growth)
    const increment = this.#pending
    this.#pending = 0
    this.#available += increment
    return increment
  }

  /** Widens a window at its start, when nothing was received. Returns the increment to announce. */
  open(more: number): number {
    this.#size += more
    this.#available += more
    return more
  }

  /** Makes the window at least `size` wide with the next update. */
  widen(size: number, growth: WindowGrowth): void {
    const more = size - this.#size
    if (more <= 0 || (growth.budget !== undefined && !growth.budget.take(more))) return
    this.#granted += more
    this.#size = size
    this.#pending += more
  }

  /** Gives what the window grew by back to the budget. */
  release(growth: WindowGrowth): void {
    if (this.#granted > 0) growth.budget?.give(this.#granted)
    this.#granted = 0
  }

  /**
   * Nothing came for a while: what the window grew by goes back to the budget, so that others can grow. A promise cannot
   * be taken back (RFC 9113 §6.9.1), but the peer gets no more of it than the budget then has.
   */
  rest(growth: WindowGrowth): void {
    this.#rested += this.#granted
    this.release(growth)
  }

  /** The budget's word again, or the window shrinks: credit is held back until it has its first size. */
  #wake(growth: WindowGrowth): void {
    const more = this.#rested
    this.#rested = 0
    if (growth.budget === undefined || growth.budget.take(more)) {
      this.#granted += more
      return
    }
    this.#size -= more
    this.#pending -= more
  }

  #grow(maxSize: number, growth: WindowGrowth): void {
    const nowMs = growth.monotonicMs()
    const elapsedMs = nowMs - this.#lastUpdateMs
    const known = this.#lastUpdateMs >= 0
    this.#lastUpdateMs = nowMs
    if (!known || elapsedMs > Math.max(minPacedMs, pacedRoundTrips * growth.roundTripMs)) return
    this.widen(Math.min(maxSize, this.#size * 2), growth)
  }
}
