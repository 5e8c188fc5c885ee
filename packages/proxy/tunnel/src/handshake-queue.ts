import type { DecayingCount } from './decaying-count.ts'
import type { ServedWorkload } from './last-served.ts'

/** A handshake that can begin: its ClientHello is here. Nothing here throws. */
export interface ReadyHandshake {
  /** The address that it comes from. */
  readonly source: string
  begin(): void
}

export interface HandshakeQueueOptions {
  readonly maxWaiting: number
  readonly recent: DecayingCount
  /** Tells of the others on its thread. */
  readonly served: ServedWorkload
  enter(queue: HandshakeQueue): void
}

/** Handshakes of one workload: sources take turns, and those of one source are in the order they became ready. */
export class HandshakeQueue {
  /** The source whose turn is next comes first; none is empty. */
  readonly #sources: Map<string, Set<ReadyHandshake>> = new Map()
  readonly #maxWaiting: number
  readonly #enter: (queue: HandshakeQueue) => void
  /** What the workload has had begun lately. */
  readonly recent: DecayingCount
  readonly #served: ServedWorkload
  #othersServedMs: number = Number.NEGATIVE_INFINITY
  #waiting: number = 0
  #entered: boolean = false

  /** Made by its gate. */
  constructor(options: HandshakeQueueOptions) {
    this.#maxWaiting = options.maxWaiting
    this.recent = options.recent
    this.#served = options.served
    this.#enter = options.enter
  }

  get waiting(): number {
    return this.#waiting
  }

  /** False where the queue is full; else `begin` is called once, at once or later, unless `remove` comes before. */
  push(handshake: ReadyHandshake): boolean {
    if (this.#waiting >= this.#maxWaiting) return false
    const others = this.#sources.get(handshake.source)
    if (others === undefined) this.#sources.set(handshake.source, new Set([handshake]))
    else others.add(handshake)
    this.#waiting++
    if (!this.#entered) {
      this.#entered = true
      this.#enter(this)
    }
    return true
  }

  /** It gave up waiting. */
  remove(handshake: ReadyHandshake): void {
    const own = this.#sources.get(handshake.source)
    if (own?.delete(handshake) !== true) return
    this.#waiting--
    if (own.size === 0) this.#sources.delete(handshake.source)
  }

  /**
   * For the gate: whether another workload was served in the last `withinMs`. What came between two looks counts as
   * if it came now.
   */
  othersServed(nowMs: number, withinMs: number): boolean {
    if (this.#served.othersServed()) this.#othersServedMs = nowMs
    return nowMs - this.#othersServedMs < withinMs
  }

  /** For the gate: the eldest of the source whose turn it is. Whether the queue stays in the ring is in `waiting`. */
  take(): ReadyHandshake | undefined {
    const [next] = this.#sources
    this.#entered = this.#waiting > 1
    if (next === undefined) return undefined
    const [source, own] = next
    const [eldest] = own
    this.#sources.delete(source)
    if (eldest === undefined) return undefined
    own.delete(eldest)
    this.#waiting--
    if (own.size > 0) this.#sources.set(source, own)
    return eldest
  }
}
