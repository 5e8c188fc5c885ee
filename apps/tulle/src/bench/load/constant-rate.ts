import type { Clock } from '@tulle/core'
import type { Place } from './connection.ts'
import { converse as converseByGet } from './conversation.ts'
import type { Conversation, Converse } from './conversation.ts'
import { LatencyHistogram } from './latency-histogram.ts'

export interface ConstantRatePlan extends Place {
  readonly connections: number
  /** Of all connections together; Infinity = the next request when the last one is answered (closed loop). */
  readonly perSecond: number
  /** A connection is replaced by a new one between two requests when it is this old; absent = never. */
  readonly maxAgeMs?: number
}

/** A request, or the first one of a new connection. Times are of `Clock.nowMs`. */
export interface CallRecord {
  /** When its connection was begun. */
  readonly openedMs: number
  readonly beganMs: number
  readonly endedMs: number
  readonly ok: boolean
  /** Empty when `ok`. */
  readonly error: string
}

export interface ConstantRateDeps {
  readonly clock: Clock
  /** How a connection asks; absent: GETs of HTTP/1.1. */
  readonly converse?: Converse
  /** Told of every failed request. */
  readonly onFailure?: (record: CallRecord) => void
  /** Told of the first answer of every connection. */
  readonly onFirstAnswer?: (record: CallRecord) => void
  readonly onLatency?: (microseconds: number) => void
  /** Told of connections that ended while no request was under way. */
  readonly onIdleLoss?: (openedMs: number, endedMs: number) => void
}

const reconnectPauseMs = 100

/**
 * Requests at the times of a fixed schedule, whatever becomes of those before (an open loop): the kth is due k/rate
 * after the start. A latency counts from when its request was due, so that one slow answer is seen by all that wait
 * behind it (no coordinated omission). Whoever owns it calls `tick` often.
 */
export class ConstantRate {
  readonly plan: ConstantRatePlan
  readonly deps: ConstantRateDeps
  /** From due to answered. */
  readonly latencies: LatencyHistogram = new LatencyHistogram()
  /** From due to written. */
  readonly lateness: LatencyHistogram = new LatencyHistogram()
  answered: number = 0
  failed: number = 0
  over: boolean = false
  readonly #slots: readonly Slot[]
  readonly #gapMs: number
  #startMs: number | undefined
  #next: number = 0

  constructor(plan: ConstantRatePlan, deps: ConstantRateDeps) {
    this.plan = plan
    this.deps = deps
    this.#gapMs = 1000 / plan.perSecond
    this.#slots = Array.from({ length: plan.connections }, (_, index) => new Slot(this, index))
  }

  /** Sends what is due by now. */
  tick(): void {
    if (this.#startMs === undefined) return
    const nowMs = this.deps.clock.monotonicMs()
    if (this.#gapMs === 0) {
      for (const slot of this.#slots) slot.due(nowMs, nowMs)
      return
    }
    for (;;) {
      const dueMs = this.#startMs + this.#next * this.#gapMs
      if (dueMs > nowMs) return
      this.#slots[this.#next % this.#slots.length]?.due(dueMs, nowMs)
      this.#next++
    }
  }

  /** The schedule counts from now on. */
  begin(): void {
    this.#startMs = this.deps.clock.monotonicMs()
  }

  /** Opens all connections now instead of with their first request. */
  open(): void {
    for (const slot of this.#slots) slot.open()
  }

  /** Whether every connection is open. */
  get ready(): boolean {
    return this.#slots.every((slot) => slot.isOpen)
  }

  close(): void {
    this.over = true
    for (const slot of this.#slots) slot.close()
  }
}

/** One connection of the load, and its successors. */
class Slot {
  readonly #load: ConstantRate
  readonly #maxAgeMs: number
  /** When the requests were due that wait for this connection, the one under way first. */
  #waiting: number[] = []
  #conversation: Conversation | undefined
  #isOpen: boolean = false
  #busy: boolean = false
  #first: boolean = true
  #openedMs: number = 0
  #beganMs: number = 0
  #pausedUntilMs: number = 0

  constructor(load: ConstantRate, index: number) {
    this.#load = load
    const { maxAgeMs = Infinity, connections } = load.plan
    // Spread, so that they aren't all replaced at once.
    this.#maxAgeMs = maxAgeMs * (0.5 + (0.5 * (index + 1)) / connections)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  due(dueMs: number, nowMs: number): void {
    if (this.#load.plan.perSecond === Infinity && this.#waiting.length > 0) return
    this.#waiting.push(dueMs)
    if (this.#isOpen) {
      if (!this.#busy) this.#send(nowMs)
    } else if (this.#conversation === undefined && nowMs >= this.#pausedUntilMs) this.open()
  }

  open(): void {
    const { clock } = this.#load.deps
    this.#openedMs = clock.nowMs()
    this.#first = true
    const { plan, deps } = this.#load
    const { host, port } = plan
    const { converse = converseByGet } = deps
    const conversation = converse(
      { host, port },
      {
        onOpen: () => {
          this.#isOpen = true
          if (this.#waiting.length > 0) this.#send(clock.monotonicMs())
        },
        onAnswer: (ok) => this.#answered(ok),
        onClose: (error) => {
          if (this.#conversation === conversation) this.#closed(error)
        },
      },
    )
    this.#conversation = conversation
  }

  close(): void {
    this.#conversation?.destroy()
    this.#conversation = undefined
  }

  #send(nowMs: number): void {
    const { deps, lateness } = this.#load
    this.#busy = true
    this.#beganMs = deps.clock.nowMs()
    lateness.record((nowMs - (this.#waiting[0] ?? nowMs)) * 1000)
    this.#conversation?.ask()
  }

  #answered(ok: boolean): void {
    const load = this.#load
    const { clock, onFirstAnswer, onLatency } = load.deps
    const nowMs = clock.monotonicMs()
    const microseconds = (nowMs - (this.#waiting.shift() ?? nowMs)) * 1000
    load.latencies.record(microseconds)
    onLatency?.(microseconds)
    this.#busy = false
    if (ok) load.answered++
    else this.#fail('not 200')
    if (this.#first && ok) onFirstAnswer?.(this.#record(true, ''))
    this.#first = false
    if (load.over) return
    if (clock.nowMs() - this.#openedMs > this.#maxAgeMs) this.#replace()
    else if (load.plan.perSecond === Infinity) this.due(nowMs, nowMs)
    else if (this.#waiting.length > 0) this.#send(nowMs)
  }

  #replace(): void {
    this.#conversation?.end()
    this.#conversation = undefined
    this.#isOpen = false
    this.open()
  }

  #closed(error: string): void {
    const { clock, onIdleLoss } = this.#load.deps
    const wasOpen = this.#isOpen
    this.#conversation = undefined
    this.#isOpen = false
    if (this.#load.over) return
    this.#pausedUntilMs = clock.monotonicMs() + reconnectPauseMs
    const why = error === '' ? 'closed' : error
    if (this.#busy) {
      // Those behind it were never sent: they go on with the next connection.
      this.#busy = false
      this.#waiting.shift()
      this.#fail(why)
    } else if (wasOpen) onIdleLoss?.(this.#openedMs, clock.nowMs())
    else {
      this.#beganMs = this.#openedMs
      for (const _ of this.#waiting) this.#fail(why)
      this.#waiting = []
    }
  }

  #fail(error: string): void {
    this.#load.failed++
    this.#load.deps.onFailure?.(this.#record(false, error))
  }

  #record(ok: boolean, error: string): CallRecord {
    const endedMs = this.#load.deps.clock.nowMs()
    return { openedMs: this.#openedMs, beganMs: this.#beganMs, endedMs, ok, error }
  }
}
