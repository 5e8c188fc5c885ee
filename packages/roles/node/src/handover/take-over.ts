import { errorText } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { ZdsWorkload } from '@tulle/kernel'
import type { DataPlane } from '@tulle/l4'
import type { Component, Log } from '@tulle/runtime'
import { onlyOf } from './sockets-of.ts'
import { HandoverError } from './taker.ts'
import type { Taker } from './taker.ts'

/** What is known of a handover, for operators. */
export interface TakeOverView {
  readonly fromPid: number
  readonly fromVersion: string
  readonly workloads: number
  readonly sockets: number
  /** From the start of this process until the one before accepted nothing any more. */
  readonly tookMs: number
  /** Open connections that stayed with the process before, and for how long they may. */
  readonly connections: number
  readonly deadlineMs: number
  /** When the process before has ended: how many of them it cut; absent until then. */
  readonly cut?: number
  readonly drainedMs?: number
  /** The process before ended without a word. */
  readonly lost?: boolean
}

export interface TakeOverOptions {
  /** Everything up to the confirmation must be done in this time, or nothing happens. */
  readonly timeoutMs: number
  /** How long to wait for the control plane, which may be away: last good state is there. */
  readonly controlWaitMs: number
}

export interface TakeOverDeps {
  readonly dataPlane: Pick<DataPlane, 'addWorkload' | 'adoptListeners' | 'release'>
  readonly clock: Clock
  readonly log: Log
  /** Resolves when the control plane has told its whole state. */
  readonly synced: Promise<void>
  /** Opens what only one process at a time can have: admin, metrics and health ports, the handover socket. */
  onTaken(): Promise<void>
}

/**
 * Takes the place of a running process. Workloads that it listens for are set up but for their listeners; when all
 * are ready, their sockets are asked for, accepted from, and only then is the other process told to let go.
 * Whatever fails before that fails the start of this process, and the other one goes on.
 */
export class TakeOver implements Component {
  readonly name: string = 'take-over'
  readonly #taker: Taker
  readonly #options: TakeOverOptions
  readonly #deps: TakeOverDeps
  readonly #held: Map<string, ZdsWorkload> = new Map()
  readonly #prepared: Promise<void>[] = []
  readonly #heardAll: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #startedMs: number
  #waitsFor: string = 'the workloads of the node'
  #over: boolean = false
  #view: TakeOverView | undefined

  constructor(taker: Taker, options: TakeOverOptions, deps: TakeOverDeps) {
    this.#taker = taker
    this.#options = options
    this.#deps = deps
    this.#startedMs = deps.clock.monotonicMs()
  }

  get view(): TakeOverView | undefined {
    return this.#view
  }

  /** Whether the workload was set up to wait for its sockets; if not, it is to be served as any other. */
  async hold(workload: ZdsWorkload): Promise<boolean> {
    if (this.#over || !(await this.#taker.serves(workload.uid))) return false
    this.#held.set(workload.uid, workload)
    const prepared = this.#deps.dataPlane.addWorkload({ ...workload, held: true })
    // One that is removed again is not waited for.
    this.#prepared.push(prepared.catch((error: unknown) => this.#notPrepared(workload, error)))
    return true
  }

  forget(uid: string): void {
    this.#held.delete(uid)
  }

  heardAll(): void {
    this.#heardAll.resolve()
  }

  async start(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    const { timeoutMs } = this.#options
    const late = Promise.withResolvers<never>()
    const fail = (why: string): void => late.reject(new HandoverError('NODE_TAKE_OVER', why))
    using _timer = clock.after(timeoutMs, () => fail(`${this.#waitsFor} did not come within ${timeoutMs} ms`))
    const onAbort = (): void => fail('it was stopped')
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([this.#run(), late.promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#over = true
    }
  }

  async drain(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#taker[Symbol.dispose]()
  }

  async #run(): Promise<void> {
    const { dataPlane, log } = this.#deps
    await this.#ready()
    this.#waitsFor = 'the listening sockets'
    let sockets = 0
    for (const workload of this.#held.values()) sockets += await this.#adopt(workload)
    this.#waitsFor = 'the release of the process before'
    const released = await this.#taker.serving()
    this.#over = true
    // Its own sockets come last: those of a process that does not stay would take their connections with them.
    for (const { uid } of this.#held.values()) await dataPlane.release(uid)
    await this.#deps.onTaken()
    const { pid: fromPid, version: fromVersion } = this.#taker
    const tookMs = Math.round(this.#deps.clock.monotonicMs() - this.#startedMs)
    this.#view = { fromPid, fromVersion, workloads: this.#held.size, sockets, tookMs, ...released }
    log.info('took over', { ...this.#view })
    void this.#followDrain(this.#view)
  }

  async #ready(): Promise<void> {
    const { clock, synced } = this.#deps
    await this.#heardAll.promise
    this.#waitsFor = 'state and certificates'
    await Promise.all(this.#prepared)
    this.#waitsFor = 'the control plane'
    const enough = Promise.withResolvers<void>()
    using _timer = clock.after(this.#options.controlWaitMs, () => enough.resolve())
    await Promise.race([synced.catch(() => undefined), enough.promise])
  }

  /** Accepts from the workload's sockets; returns how many there are. */
  async #adopt(workload: ZdsWorkload): Promise<number> {
    const sockets = onlyOf(workload, await this.#taker.take(workload.uid), this.#deps.log)
    await this.#deps.dataPlane.adoptListeners(workload.uid, sockets)
    return sockets.length
  }

  #notPrepared(workload: ZdsWorkload, error: unknown): void {
    this.#held.delete(workload.uid)
    this.#deps.log.warn('a workload is not taken over', { workload: workload.uid, error: errorText(error) })
  }

  async #followDrain(view: TakeOverView): Promise<void> {
    const fromMs = this.#deps.clock.monotonicMs()
    const cut = await this.#taker.drained()
    const drainedMs = Math.round(this.#deps.clock.monotonicMs() - fromMs)
    this.#view = cut === undefined ? { ...view, lost: true } : { ...view, cut, drainedMs }
  }
}
