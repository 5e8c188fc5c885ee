import { systemClock } from '@tulle/core'
import type { TrafficPlan, TrafficRecord } from './agent-types.ts'
import { Conversation } from './conversation.ts'

/** Echoes pause a little: the point is that a connection is open when policy changes, not to fill the machine. */
const keptEveryMs = 50
const reopenEveryMs = 100
/** Taken every few seconds by whoever asked; more than this means that nobody does. */
const maxRecords = 200_000

/** Calls without end, over new connections and over kept ones, and remembers what came of each. */
export class Traffic {
  readonly #plan: TrafficPlan
  readonly #loops: readonly Promise<void>[]
  readonly #begun: Promise<void>[] = []
  #records: TrafficRecord[] = []
  #stopped: boolean = false

  constructor(plan: TrafficPlan) {
    this.#plan = plan
    this.#loops = [
      ...(plan.everyMs > 0 ? [this.#callNew()] : []),
      ...Array.from({ length: plan.kept }, () => this.#keepOne()),
    ]
  }

  /** Resolves when each of its connections has had what came of its first call. */
  async begun(): Promise<void> {
    await Promise.all(this.#begun)
  }

  take(): readonly TrafficRecord[] {
    const taken = this.#records
    this.#records = []
    return taken
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops)
  }

  async #callNew(): Promise<void> {
    const done = this.#beginning()
    while (!this.#stopped) {
      const openedMs = systemClock.nowMs()
      const conversation = new Conversation(this.#plan)
      await this.#record({ kind: 'new', openedMs }, async () => {
        const greeted = await conversation.greeting()
        return greeted.ok ? conversation.echo('hello') : greeted
      })
      done()
      conversation.end()
      await systemClock.sleep(this.#plan.everyMs)
    }
  }

  async #keepOne(): Promise<void> {
    const done = this.#beginning()
    while (!this.#stopped) {
      const kept = { kind: 'kept', openedMs: systemClock.nowMs() } as const
      const conversation = new Conversation(this.#plan)
      let ok = await this.#record(kept, () => conversation.greeting())
      done()
      for (let i = 0; ok && !this.#stopped; i++) {
        await systemClock.sleep(keptEveryMs)
        ok = await this.#record(kept, () => conversation.echo(`message ${i}`))
      }
      conversation.end()
      await systemClock.sleep(reopenEveryMs)
    }
  }

  #beginning(): () => void {
    const first = Promise.withResolvers<void>()
    this.#begun.push(first.promise)
    return first.resolve
  }

  async #record(
    call: Pick<TrafficRecord, 'kind' | 'openedMs'>,
    run: () => Promise<{ readonly ok: boolean; readonly error: string }>,
  ): Promise<boolean> {
    const beganMs = systemClock.nowMs()
    const { ok, error } = await run()
    if (this.#records.length < maxRecords)
      this.#records.push({ ...call, beganMs, endedMs: systemClock.nowMs(), ok, error })
    return ok
  }
}
