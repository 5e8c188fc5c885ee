import type { ChildProcess } from 'node:child_process'
import { Backoff } from '@tulle/core'
import type { Clock, Rng } from '@tulle/core'

export interface SupervisedOptions {
  readonly name: string
  /** Starts the process once; called again when it ended on its own. */
  readonly start: () => ChildProcess
  readonly onStart?: (pid: number) => void
  /** Told of every end that nobody asked for, and when it will be tried again. */
  readonly onUnexpectedExit: (how: string, againInMs: number) => void
}

export interface SupervisedDeps {
  readonly clock: Clock
  readonly rng: Rng
}

export interface Replacement {
  /** Starts the process that is to take the place of the one that runs. */
  readonly first: () => ChildProcess
  /** Starts it when that one ended on its own. */
  readonly again: () => ChildProcess
  /** Resolves when it has taken the place; the signal aborts when it ended before. */
  readonly taken: (pid: number, signal: AbortSignal) => Promise<void>
}

/** After running this long a process counts as healthy, and its next restart is quick again. */
const healthyAfterMs = 10_000
/** What a process carried stands still until it is back, so the first try comes at once. */
const backoff = { firstMs: 20, maxMs: 10_000 }

/** A child process that is started again when it ends on its own, after growing pauses, until it is stopped. */
export class Supervised {
  readonly #options: SupervisedOptions
  readonly #deps: SupervisedDeps
  readonly #backoff: Backoff
  #start: () => ChildProcess
  #child: ChildProcess | undefined
  /** Every process that is there: also one that is to take over, and those that end after another one did. */
  readonly #alive: Set<ChildProcess> = new Set()
  #stopping: boolean = false
  #replacing: boolean = false
  /** How the one that is being replaced ended, if it did: it may, once the other one has its place. */
  #endedMeanwhile: string | undefined
  #restarts: number = 0
  #waiting: Disposable | undefined
  #startedMs: number = 0

  constructor(options: SupervisedOptions, deps: SupervisedDeps) {
    this.#options = options
    this.#deps = deps
    this.#start = options.start
    this.#backoff = new Backoff(backoff, deps.rng)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get restarts(): number {
    return this.#restarts
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  start(): void {
    const child = this.#begin(this.#start)
    if (child.pid !== undefined) this.#options.onStart?.(child.pid)
  }

  /**
   * Starts another process beside the one that runs, and makes it the one that is kept when it has taken the place.
   * When it ends before, nothing has changed, and this rejects with how it ended. The one before ends by itself.
   */
  async replace({ first, again, taken }: Replacement): Promise<void> {
    if (this.#replacing) throw new Error(`${this.#options.name} is being replaced already`)
    if (this.#child === undefined || this.#stopping) throw new Error(`${this.#options.name} does not run`)
    this.#replacing = true
    this.#endedMeanwhile = undefined
    const next = first()
    const ended = new AbortController()
    this.#watch(next, (how) => ended.abort(new Error(how)))
    try {
      await taken(next.pid ?? -1, ended.signal)
      ended.signal.throwIfAborted()
      this.#start = again
      this.#startedMs = this.#deps.clock.monotonicMs()
      this.#child = next
    } catch (error) {
      if (next.pid !== undefined && this.#alive.has(next)) signalGroup(next.pid, 'SIGKILL')
      if (this.#endedMeanwhile !== undefined) this.#lose(this.#endedMeanwhile)
      throw error
    } finally {
      this.#replacing = false
    }
  }

  /** SIGTERM to the groups of all its processes, SIGKILL after `graceMs`; resolves when they are gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    this.#waiting?.[Symbol.dispose]()
    const alive = [...this.#alive]
    const signalAll = (signal: NodeJS.Signals): void =>
      alive.forEach((child) => child.pid !== undefined && signalGroup(child.pid, signal))
    const gone = alive
      .filter((child) => child.pid !== undefined)
      .map((child) => new Promise<void>((resolve) => child.once('exit', () => resolve())))
    signalAll('SIGTERM')
    using _force = this.#deps.clock.after(graceMs, () => signalAll('SIGKILL'))
    await Promise.all(gone)
  }

  #begin(start: () => ChildProcess): ChildProcess {
    this.#startedMs = this.#deps.clock.monotonicMs()
    const child = start()
    this.#child = child
    this.#watch(child, () => undefined)
    return child
  }

  #watch(child: ChildProcess, onGone: (how: string) => void): void {
    this.#alive.add(child)
    const onEnd = (how: string): void => {
      if (!this.#alive.delete(child)) return
      onGone(how)
      if (this.#child !== child) return
      if (this.#replacing) this.#endedMeanwhile = how
      else this.#lose(how)
    }
    child.on('error', (error) => onEnd(error.message))
    child.on('exit', (code, signal) =>
      onEnd(signal === null ? `ended with exit code ${code ?? '?'}` : `was killed by ${signal}`),
    )
  }

  #lose(how: string): void {
    this.#child = undefined
    if (!this.#stopping) this.#again(how)
  }

  #again(how: string): void {
    if (this.#deps.clock.monotonicMs() - this.#startedMs > healthyAfterMs) this.#backoff.reset()
    const pauseMs = this.#backoff.nextMs()
    this.#restarts++
    this.#options.onUnexpectedExit(how, pauseMs)
    this.#waiting = this.#deps.clock.after(pauseMs, () => this.start())
  }
}

/** The whole group, so that a shell's children end with it. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It ended between our look and our signal; its exit event is on the way.
  }
}
