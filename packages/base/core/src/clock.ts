/** Where time comes from. Tests pass a TestClock, so that no test waits. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. For certificates and log lines. */
  nowMs(): number
  /** Milliseconds since some fixed point; never goes back. For durations. */
  monotonicMs(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts. */
  sleep(ms: number, options?: SleepOptions): Promise<void>
  /** Calls `run` once after `ms`, unless disposed first. Does not keep the process alive. */
  after(ms: number, run: () => void): Disposable
  /** Calls `run` every `ms` until disposed. Does not keep the process alive. */
  every(ms: number, run: () => void): Disposable
}

export interface SleepOptions {
  readonly signal?: AbortSignal
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, options = {}) => sleepWith((run) => timer(setTimeout(run, ms), clearTimeout), options.signal),
  after: (ms, run) => timer(setTimeout(run, ms).unref(), clearTimeout),
  every: (ms, run) => timer(setInterval(run, ms).unref(), clearInterval),
}

function timer<T>(handle: T, clear: (handle: T) => void): Disposable {
  return { [Symbol.dispose]: () => clear(handle) }
}

type Schedule = (run: () => void) => Disposable

function sleepWith(schedule: Schedule, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      wake[Symbol.dispose]()
      reject(signal?.reason as Error)
    }
    const wake = schedule(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

interface Timer {
  dueMs: number
  readonly everyMs: number | undefined
  readonly run: () => void
}

/** A clock that stands still until `advance` is called. */
export class TestClock implements Clock {
  #nowMs: number
  readonly #startMs: number
  readonly #timers: Set<Timer> = new Set()

  constructor(startMs: number = 1_800_000_000_000) {
    this.#nowMs = startMs
    this.#startMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs
  }

  sleep(ms: number, options: SleepOptions = {}): Promise<void> {
    return sleepWith((run) => this.after(ms, run), options.signal)
  }

  after(ms: number, run: () => void): Disposable {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: undefined, run })
  }

  every(ms: number, run: () => void): Disposable {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: ms, run })
  }

  /** How many timers wait: a leak test wants zero. */
  get pending(): number {
    return this.#timers.size
  }

  /** Moves time on, running what falls due in order and letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await settle()
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      if (next.everyMs === undefined) this.#timers.delete(next)
      else next.dueMs += next.everyMs
      next.run()
      await settle()
    }
    this.#nowMs = endMs
  }

  #add(entry: Timer): Disposable {
    this.#timers.add(entry)
    return { [Symbol.dispose]: () => void this.#timers.delete(entry) }
  }

  #next(endMs: number): Timer | undefined {
    let first: Timer | undefined
    for (const entry of this.#timers) {
      if (entry.dueMs <= endMs && (first === undefined || entry.dueMs < first.dueMs)) first = entry
    }
    return first
  }
}

/** A turn of the event loop: microtasks and immediates that are due have run afterwards. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
