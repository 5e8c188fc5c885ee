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

/** After running this long a process counts as healthy, and its next restart is quick again. */
const healthyAfterMs = 10_000

/** A child process that is started again when it ends on its own, after growing pauses, until it is stopped. */
export class Supervised {
  readonly #options: SupervisedOptions
  readonly #deps: SupervisedDeps
  readonly #backoff: Backoff
  #child: ChildProcess | undefined
  #stopping: boolean = false
  #restarts: number = 0
  #waiting: Disposable | undefined
  #startedMs: number = 0

  constructor(options: SupervisedOptions, deps: SupervisedDeps) {
    this.#options = options
    this.#deps = deps
    this.#backoff = new Backoff({ firstMs: 200, maxMs: 10_000 }, deps.rng)
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
    this.#startedMs = this.#deps.clock.monotonicMs()
    const child = this.#options.start()
    this.#child = child
    let ended = false
    const onEnd = (how: string): void => {
      if (ended) return
      ended = true
      this.#child = undefined
      if (!this.#stopping) this.#again(how)
    }
    child.on('error', (error) => onEnd(error.message))
    child.on('exit', (code, signal) =>
      onEnd(signal === null ? `ended with exit code ${code ?? '?'}` : `was killed by ${signal}`),
    )
    if (child.pid !== undefined) this.#options.onStart?.(child.pid)
  }

  /** SIGTERM to the process's group, SIGKILL after `graceMs`; resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    this.#waiting?.[Symbol.dispose]()
    const child = this.#child
    if (child?.pid === undefined) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    signalGroup(child.pid, 'SIGTERM')
    using _force = this.#deps.clock.after(
      graceMs,
      () => child.pid !== undefined && signalGroup(child.pid, 'SIGKILL'),
    )
    await gone
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
