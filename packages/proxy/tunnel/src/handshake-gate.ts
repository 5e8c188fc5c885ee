import { systemClock } from '@tulle/core'

export interface HandshakeGateOptions {
  /** Handshakes begun in one turn of the event loop, over all workloads: each costs what some ten requests cost. */
  readonly maxPerTurn: number
  /** Between those and the next: what else the thread has to do gets at least as much time, also where its core is shared. */
  readonly pauseMs?: number
  /** Runs something in the next turn; tests have turns of their own. */
  readonly nextTurn?: (run: () => void) => void
  /** Called before handshakes are begun late in a turn: what the turn has to send should not wait for them. */
  readonly beforeSome?: () => void
}

/** A handshake that can begin: its ClientHello is here. Nothing here throws. */
export interface ReadyHandshake {
  begin(): void
}

/**
 * Spreads handshakes over turns of the event loop, and turns over workloads: each workload that has some waiting has
 * one begun before another's second. One gate a thread.
 */
export class HandshakeGate {
  readonly #maxPerTurn: number
  readonly #nextTurn: (run: () => void) => void
  /** Who is next; each queue with something in it is in here once. */
  readonly #ring: HandshakeQueue[] = []
  readonly #onTurn: () => void = () => this.#turn()
  readonly #beforeSome: () => void
  #begun: number = 0
  #scheduled: boolean = false

  constructor(options: HandshakeGateOptions) {
    this.#maxPerTurn = options.maxPerTurn
    this.#beforeSome = options.beforeSome ?? (() => undefined)
    const { pauseMs = 0 } = options
    this.#nextTurn =
      options.nextTurn ??
      (pauseMs > 0 ? (run) => void systemClock.after(pauseMs, run) : (run) => void setImmediate(run))
  }

  /** One workload's, which holds at most `maxWaiting`. */
  queue(maxWaiting: number): HandshakeQueue {
    return new HandshakeQueue(maxWaiting, (queue) => this.#enter(queue))
  }

  #enter(queue: HandshakeQueue): void {
    this.#ring.push(queue)
    if (this.#begun < this.#maxPerTurn) this.#beginSome()
    this.#schedule()
  }

  #turn(): void {
    this.#scheduled = false
    this.#begun = 0
    if (this.#ring.length > 0) this.#beforeSome()
    this.#beginSome()
    // Also after the last: whoever comes within this turn has to know what was begun in it.
    if (this.#begun > 0 || this.#ring.length > 0) this.#schedule()
  }

  #beginSome(): void {
    while (this.#begun < this.#maxPerTurn) {
      const queue = this.#ring.shift()
      if (queue === undefined) return
      const handshake = queue.take()
      if (queue.waiting > 0) this.#ring.push(queue)
      if (handshake === undefined) continue
      this.#begun++
      handshake.begin()
    }
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#nextTurn(this.#onTurn)
  }
}

/** Handshakes of one workload in the order they became ready. */
export class HandshakeQueue {
  readonly #waiting: Set<ReadyHandshake> = new Set()
  readonly #maxWaiting: number
  readonly #enter: (queue: HandshakeQueue) => void
  #entered: boolean = false

  /** Made by its gate. */
  constructor(maxWaiting: number, enter: (queue: HandshakeQueue) => void) {
    this.#maxWaiting = maxWaiting
    this.#enter = enter
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** False where the queue is full; else `begin` is called once, at once or later, unless `remove` comes before. */
  push(handshake: ReadyHandshake): boolean {
    if (this.#waiting.size >= this.#maxWaiting) return false
    this.#waiting.add(handshake)
    if (!this.#entered) {
      this.#entered = true
      this.#enter(this)
    }
    return true
  }

  /** It gave up waiting. */
  remove(handshake: ReadyHandshake): void {
    this.#waiting.delete(handshake)
  }

  /** For the gate: the eldest, and whether the queue stays in the ring is in `waiting`. */
  take(): ReadyHandshake | undefined {
    const [eldest] = this.#waiting
    if (eldest !== undefined) this.#waiting.delete(eldest)
    this.#entered = this.#waiting.size > 0
    return eldest
  }
}
