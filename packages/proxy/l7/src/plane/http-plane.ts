import { randomBytes } from 'node:crypto'
import { systemClock } from '@tulle/core'
import type { MeshError } from '@tulle/core'
import { accessLogWriter, mergeMetrics, MetricsRegistry } from '@tulle/runtime'
import type { Log, LogWriter, MergedMetrics } from '@tulle/runtime'
import { defaultLimits } from '../limits.ts'
import type { L7Limits } from '../limits.ts'
import type { HttpPlan } from './http-plan.ts'
import { ThreadHttpWorker } from './thread-http-worker.ts'

export interface HttpPlaneOptions {
  /** Threads; each has listeners, connections and pools of its own. */
  readonly workers: number
  readonly plan: HttpPlan
  readonly limits?: Partial<L7Limits>
}

export interface HttpPlaneDeps {
  readonly log: Log
  /** File descriptor that access log lines are written to; absent: none are. */
  readonly accessLogFd?: number
  /** A thread has ended by itself. What it carried is gone; the process should end too, and be restarted. */
  onFailed(error: MeshError): void
}

/** Of access log lines. */
const maxWaitingBytes = 16 * 1024 * 1024

/** The L7 data path as the main thread sees it. */
export class HttpPlane implements AsyncDisposable {
  readonly #workers: readonly ThreadHttpWorker[]
  readonly #accessLog: LogWriter | undefined
  readonly #registry: MetricsRegistry = new MetricsRegistry()
  #isReady: boolean = false
  #closed: boolean = false

  constructor({ workers, plan, limits }: HttpPlaneOptions, deps: HttpPlaneDeps) {
    const { accessLogFd, log } = deps
    const writer = accessLogWriter({ fd: accessLogFd, maxWaitingBytes }, this.#registry)
    this.#accessLog = writer
    const shared = {
      workers,
      plan,
      limits: { ...defaultLimits, ...limits },
      accessLog: writer !== undefined,
      sessionSecret: randomBytes(32),
    }
    this.#workers = Array.from(
      { length: workers },
      (_, index) =>
        new ThreadHttpWorker(
          { index, ...shared },
          {
            log,
            onAccessLog: (lines, done) => writer?.write(lines, done),
            onFailed: (error) => deps.onFailed(error),
          },
        ),
    )
  }

  /** All listeners are open. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Opens all listeners; rejects where one cannot be had. */
  async start(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.start()))
    this.#isReady = true
  }

  metrics(): Promise<MergedMetrics> {
    return mergeMetrics(...this.#workers.map((worker) => worker.metrics()), this.#registry.slices())
  }

  /** Takes nothing new and lets requests finish within the time; resolves with how many were cut off. */
  async drain(deadlineMs: number): Promise<number> {
    this.#isReady = false
    const cut = await Promise.all(this.#workers.map((worker) => worker.drain(deadlineMs)))
    return cut.reduce((sum, one) => sum + one, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    // A thread that failed has nothing left to close.
    await Promise.allSettled(this.#workers.map((worker) => worker.close()))
    await this.#accessLog?.end(systemClock)
  }
}
