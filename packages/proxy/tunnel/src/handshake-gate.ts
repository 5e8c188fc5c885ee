import { systemClock } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { DecayingCount } from './decaying-count.ts'
import { HandshakeQueue } from './handshake-queue.ts'
import type { ServedWorkload } from './last-served.ts'

/** What handshakes of one workload leave to the others on their thread, while these need it. */
export interface HandshakeRests {
  /** So many handshakes of a workload within a few seconds are a burst, and rest shortly. */
  readonly burst: number
  /** After a handshake of a burst its thread rests for so many times as long as the handshake took. */
  readonly factorInBurst: number
  /** After one beyond. */
  readonly factorBeyond: number
  /** No rests where no other workload was served for so long; infinite: rests for whatever else there may be. */
  readonly othersMs: number
}

export interface HandshakeGateOptions {
  /** Of the system, unless a test has its own: what a handshake takes is always real. */
  readonly clock?: Clock
  /** Handshakes begun in one turn of the event loop, over all workloads: each costs what some ten requests cost. */
  readonly maxPerTurn: number
  /** Between those and the next, so that what else the thread has to do is never far; absent: no rests. */
  readonly rests?: HandshakeRests
  /** Runs something in the next turn; tests have turns of their own. */
  readonly nextTurn?: (run: () => void) => void
  /** Called before handshakes are begun late in a turn: what the turn has to send should not wait for them. */
  readonly beforeSome?: () => void
}

/** A thread that stood still for longer, for whatever reason, takes no longer rest for it. */
const maxTakenMs = 10
const halfLifeMs = 2000
/** Further above its burst nobody can be told from another, so that a newcomer is first for so many handshakes at most. */
const rememberedBursts = 2

/**
 * Spreads handshakes over turns of the event loop, and turns over workloads: of those with some waiting, the one with
 * the fewest lately has the next. After a handshake the thread rests from handshakes for a multiple of the time that it
 * took, so that floods of them get a share of the thread's time and no more, whatever they cost here; unless no other
 * workload was served lately, which would be a rest for nobody. One gate a thread.
 */
export class HandshakeGate {
  readonly #clock: Clock
  readonly #maxPerTurn: number
  readonly #rests: HandshakeRests | undefined
  readonly #nextTurn: (run: () => void) => void
  readonly #beforeSome: () => void
  /** Each queue with something in it is in here once; who had a handshake goes to the end. */
  readonly #ring: HandshakeQueue[] = []
  readonly #onTurn: () => void = () => this.#turn()
  #begun: number = 0
  /** Whose they were. */
  #begunFor: HandshakeQueue[] = []
  #restFactor: number = 0

  constructor(options: HandshakeGateOptions) {
    this.#clock = options.clock ?? systemClock
    this.#maxPerTurn = options.maxPerTurn
    this.#rests = options.rests
    this.#nextTurn = options.nextTurn ?? ((run) => void setImmediate(run))
    this.#beforeSome = options.beforeSome ?? (() => undefined)
  }

  /** One workload's, which holds at most `maxWaiting`. */
  queue(maxWaiting: number, served: ServedWorkload): HandshakeQueue {
    const max = this.#rests === undefined ? 1 : this.#rests.burst * rememberedBursts
    const recent = new DecayingCount(this.#clock, halfLifeMs, max)
    return new HandshakeQueue({ maxWaiting, recent, served, enter: (queue) => this.#enter(queue) })
  }

  #enter(queue: HandshakeQueue): void {
    this.#ring.push(queue)
    if (this.#begun < this.#maxPerTurn) this.#beginSome()
  }

  #turn(): void {
    this.#begun = 0
    this.#begunFor = []
    this.#restFactor = 0
    if (this.#ring.length === 0) return
    this.#beforeSome()
    this.#beginSome()
  }

  #beginSome(): void {
    while (this.#begun < this.#maxPerTurn) {
      const queue = this.#takeCalmest()
      if (queue === undefined) break
      const handshake = queue.take()
      if (queue.waiting > 0) this.#ring.push(queue)
      if (handshake === undefined) continue
      // Before it begins: whoever becomes ready meanwhile has to wait for what comes after it.
      if (this.#begun++ === 0) this.#schedule()
      this.#note(queue)
      handshake.begin()
    }
  }

  /** The queue with the fewest handshakes lately; of equals the one that waits longest. */
  #takeCalmest(): HandshakeQueue | undefined {
    let calmest = 0
    let fewest = Number.POSITIVE_INFINITY
    for (const [index, { recent }] of this.#ring.entries()) {
      const count = recent.value
      if (count >= fewest) continue
      calmest = index
      fewest = count
    }
    return this.#ring.splice(calmest, 1)[0]
  }

  #note(queue: HandshakeQueue): void {
    if (this.#rests === undefined) return
    const { burst, factorInBurst, factorBeyond } = this.#rests
    const { recent } = queue
    this.#restFactor = Math.max(
      this.#restFactor,
      Math.round(recent.value) < burst ? factorInBurst : factorBeyond,
    )
    recent.add()
    this.#begunFor.push(queue)
  }

  /**
   * The next turn for handshakes, also where none waits now: whoever comes before has to know what was begun. What a
   * handshake costs is spent when the loop next reads its socket, which is over in the turn after the next at the latest.
   */
  #schedule(): void {
    const rests = this.#rests
    if (rests === undefined) {
      this.#nextTurn(this.#onTurn)
      return
    }
    const startedMs = this.#clock.monotonicMs()
    this.#nextTurn(() => this.#nextTurn(() => this.#rest(startedMs, rests)))
  }

  #rest(startedMs: number, { othersMs }: HandshakeRests): void {
    const nowMs = this.#clock.monotonicMs()
    if (!this.#othersServed(nowMs, othersMs)) {
      this.#turn()
      return
    }
    const takenMs = Math.min(maxTakenMs, nowMs - startedMs)
    this.#clock.after(Math.ceil(takenMs * this.#restFactor), this.#onTurn)
  }

  #othersServed(nowMs: number, withinMs: number): boolean {
    let found = false
    // All of them are asked: each answers for the time since it was last.
    for (const queue of this.#begunFor) found = queue.othersServed(nowMs, withinMs) || found
    return found
  }
}
