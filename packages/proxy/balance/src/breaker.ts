import type { ConnectionLimits } from '@tulle/traffic'

/** One thing that is limited. What was taken is given back once. */
export class Limit {
  readonly max: number
  #inUse: number = 0
  #refused: number = 0

  constructor(max: number) {
    this.max = max
  }

  get inUse(): number {
    return this.#inUse
  }

  /** How often there was none left. */
  get refused(): number {
    return this.#refused
  }

  get isFull(): boolean {
    return this.#inUse >= this.max
  }

  /** False where it is used up: the caller answers 503 at once instead of waiting. */
  tryTake(): boolean {
    if (this.isFull) {
      this.#refused++
      return false
    }
    this.#inUse++
    return true
  }

  giveBack(): void {
    if (this.#inUse > 0) this.#inUse--
  }
}

/** What one service may use of this proxy, so that a slow one takes nothing from the others. */
export class Breaker {
  /** Upstream connections. */
  readonly connections: Limit
  /** Attempts under way. */
  readonly requests: Limit
  /** Requests whose connection is being made. */
  readonly pending: Limit

  /** Without limits it only counts. */
  constructor(limits?: ConnectionLimits) {
    this.connections = new Limit(limits?.maxConnections ?? Infinity)
    this.requests = new Limit(limits?.maxRequests ?? Infinity)
    this.pending = new Limit(limits?.maxPending ?? Infinity)
  }
}
