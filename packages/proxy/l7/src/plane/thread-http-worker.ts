import { Worker } from 'node:worker_threads'
import { errorText, MeshError } from '@tulle/core'
import type { Log, MetricsSlice } from '@tulle/runtime'
import type { HttpWorkerSettings } from './http-worker.ts'
import type { AnsweredRequest, WorkerMessage, WorkerRequest } from './worker-messages.ts'

export interface ThreadHttpWorkerDeps {
  readonly log: Log
  /** `done`: the lines are not needed any more. */
  onAccessLog(lines: Uint8Array, done: () => void): void
  /** The thread ended by itself. */
  onFailed(error: MeshError): void
}

type Answer = number | readonly MetricsSlice[] | undefined

/** An HttpWorker on a thread of its own, as seen from the main thread. */
export class ThreadHttpWorker {
  readonly #worker: Worker
  readonly #deps: ThreadHttpWorkerDeps
  readonly #waiting: Map<number, PromiseWithResolvers<Answer>> = new Map()
  #lastId: number = 0
  #closing: boolean = false
  #failure: MeshError | undefined

  constructor(settings: HttpWorkerSettings, deps: ThreadHttpWorkerDeps) {
    this.#deps = deps
    // In this form bundlers keep the module as an entry of its own.
    this.#worker = new Worker(new URL('./http-worker-entry.ts', import.meta.url), {
      workerData: settings,
      name: `http-${settings.index}`,
    })
    this.#worker.on('message', (message: WorkerMessage) => this.#onMessage(message))
    this.#worker.on('error', (error) => this.#onEnd(errorText(error)))
    this.#worker.on('exit', (code) => this.#onEnd(`exit code ${code}`))
  }

  async start(): Promise<void> {
    await this.#ask({ kind: 'start', id: ++this.#lastId })
  }

  async metrics(): Promise<readonly MetricsSlice[]> {
    const slices = await this.#ask({ kind: 'metrics', id: ++this.#lastId })
    return typeof slices === 'object' ? slices : []
  }

  /** Resolves with how many requests were cut off. */
  async drain(deadlineMs: number): Promise<number> {
    const cut = await this.#ask({ kind: 'drain', id: ++this.#lastId, deadlineMs })
    return typeof cut === 'number' ? cut : 0
  }

  async close(): Promise<void> {
    if (this.#closing) return
    await this.#ask({ kind: 'close', id: ++this.#lastId })
    this.#closing = true
    await this.#worker.terminate()
  }

  #ask(request: AnsweredRequest): Promise<Answer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const waiting = Promise.withResolvers<Answer>()
    this.#waiting.set(request.id, waiting)
    this.#worker.postMessage(request)
    return waiting.promise
  }

  #onMessage(message: WorkerMessage): void {
    switch (message.kind) {
      case 'result':
        this.#take(message.id)?.resolve(message.value)
        return
      case 'failed':
        this.#take(message.id)?.reject(new MeshError('L7_WORKER', message.message))
        return
      case 'access-log':
        this.#onAccessLog(message.lines)
        return
      case 'log':
        this.#deps.log[message.level](message.message, message.fields)
    }
  }

  #onAccessLog(lines: Uint8Array<ArrayBuffer>): void {
    const { buffer } = lines
    this.#deps.onAccessLog(lines, () => {
      if (this.#failure === undefined && !this.#closing)
        this.#worker.postMessage({ kind: 'log-chunk', buffer } satisfies WorkerRequest, [buffer])
    })
  }

  #take(id: number): PromiseWithResolvers<Answer> | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #onEnd(why: string): void {
    if (this.#failure !== undefined) return
    this.#failure = new MeshError('L7_WORKER', `a thread of the data path ended: ${why}`)
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure)
    this.#waiting.clear()
    if (!this.#closing) this.#deps.onFailed(this.#failure)
  }
}
