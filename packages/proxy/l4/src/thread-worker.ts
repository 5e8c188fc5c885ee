import { Worker } from 'node:worker_threads'
import { errorText } from '@tulle/core'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import type { Log, MetricsSlice } from '@tulle/runtime'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import type {
  ConnectionInfo,
  EnrolledWorkload,
  ListeningSocket,
  RejectedResource,
  WorkerDump,
} from './data-plane.ts'
import { L4Error } from './errors.ts'
import type {
  ListenerAdoption,
  SettledDemand,
  SlicedCommand,
  WorkerCommands,
  WorkerMessage,
  WorkerRequest,
  WorkerSettings,
} from './worker-commands.ts'

export interface ThreadWorkerDeps {
  readonly log: Log
  onAccessLog(lines: Uint8Array): void
  onAddressNeeded(name: string): void
  /** The thread ended by itself. */
  onFailed(error: L4Error): void
}

/** What connections leave behind dies young: a larger one only takes memory. Half spaces of a third of this. */
const maxYoungGenerationSizeMb = 12

/** A DataWorker on a thread of its own, as seen from the main thread. */
export class ThreadWorker implements WorkerCommands {
  readonly #worker: Worker
  readonly #deps: ThreadWorkerDeps
  readonly #waiting: Map<number, PromiseWithResolvers<unknown>> = new Map()
  #lastId: number = 0
  #closing: boolean = false
  #failure: L4Error | undefined

  constructor(settings: WorkerSettings, deps: ThreadWorkerDeps) {
    this.#deps = deps
    // In this form bundlers keep the module as an entry of its own.
    this.#worker = new Worker(new URL('./data-worker.ts', import.meta.url), {
      workerData: settings,
      name: `data-${settings.index}`,
      // The thread ends alone, and we get to say why; a heap of the whole process would take it down without a word.
      resourceLimits: {
        maxOldGenerationSizeMb: Math.ceil(settings.limits.maxHeapBytes / 1024 ** 2),
        maxYoungGenerationSizeMb,
      },
    })
    this.#worker.on('message', (message: WorkerMessage) => this.#onMessage(message))
    this.#worker.on('error', (error) => this.#onEnd(errorText(error)))
    this.#worker.on('exit', (code) => this.#onEnd(`exit code ${code}`))
  }

  apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    return this.#call('apply', update)
  }

  setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void> {
    return this.#call('setCertificates', certificates)
  }

  setRevocations(revocations: Revocations): Promise<void> {
    return this.#call('setRevocations', revocations)
  }

  addWorkload(workload: EnrolledWorkload): Promise<void> {
    return this.#call('addWorkload', workload)
  }

  removeWorkload(uid: string): Promise<void> {
    return this.#call('removeWorkload', uid)
  }

  exportListeners(uid: string): Promise<readonly ListeningSocket[]> {
    return this.#call('exportListeners', uid)
  }

  adoptListeners(adoption: ListenerAdoption): Promise<void> {
    return this.#call('adoptListeners', adoption)
  }

  release(uid: string): Promise<void> {
    return this.#call('release', uid)
  }

  settleDemand(demand: SettledDemand): Promise<void> {
    return this.#call('settleDemand', demand)
  }

  connections(): AsyncGenerator<readonly ConnectionInfo[], void> {
    return this.#slices('connections')
  }

  metrics(): AsyncGenerator<MetricsSlice, void> {
    return this.#slices('metrics')
  }

  dump(): Promise<WorkerDump> {
    return this.#call('dump', undefined)
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#call('drain', deadlineMs)
  }

  async close(): Promise<void> {
    if (this.#closing) return
    await this.#call('close', undefined)
    this.#closing = true
    await this.#worker.terminate()
  }

  #call<M extends Exclude<keyof WorkerCommands, SlicedCommand>>(
    method: M,
    argument: Parameters<WorkerCommands[M]>[0],
  ): Promise<Awaited<ReturnType<WorkerCommands[M]>>> {
    const answer = this.#ask({ kind: 'call', id: ++this.#lastId, method, argument })
    // The other side runs the method of this name: its result is what the method gives.
    return answer as Promise<Awaited<ReturnType<WorkerCommands[M]>>>
  }

  /** One slice at a time: they never queue up here, so that each has a turn of the event loop for itself. */
  async *#slices<T>(method: SlicedCommand): AsyncGenerator<T, void> {
    const id = ++this.#lastId
    for (;;) {
      // The same, slice by slice.
      const next = (await this.#ask({ kind: 'slice', id, method })) as IteratorResult<T, void>
      if (next.done === true) return
      yield next.value
    }
  }

  #ask(request: WorkerRequest): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#closing) return Promise.reject(new L4Error('L4_CLOSED', 'the data plane has ended'))
    const waiting = Promise.withResolvers<unknown>()
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
        this.#take(message.id)?.reject(new L4Error(message.code ?? 'L4_WORKER', message.message))
        return
      case 'need':
        this.#deps.onAddressNeeded(message.name)
        return
      case 'access-log':
        this.#deps.onAccessLog(message.lines)
        return
      case 'log':
        this.#deps.log[message.level](message.message, message.fields)
    }
  }

  #take(id: number): PromiseWithResolvers<unknown> | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #onEnd(why: string): void {
    if (this.#failure !== undefined) return
    this.#failure = this.#closing
      ? new L4Error('L4_CLOSED', 'the data plane has ended')
      : new L4Error('L4_WORKER', `a data path thread ended: ${why}`)
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure)
    this.#waiting.clear()
    if (!this.#closing) this.#deps.onFailed(this.#failure)
  }
}
