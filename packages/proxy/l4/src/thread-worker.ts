import type { Worker } from 'node:worker_threads'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { CommandThread } from '@tulle/runtime'
import type { Log, MetricsSlice, ThreadErrors } from '@tulle/runtime'
import type { Revocations, WorkloadCertificate } from '@tulle/tunnel'
import type {
  ConnectionInfo,
  EnrolledWorkload,
  ListeningSocket,
  RejectedResource,
  WorkerDump,
} from './data-plane.ts'
import { beginDataThread } from './data-threads.ts'
import { L4Error, l4ErrorCodes } from './errors.ts'
import type {
  ListenerAdoption,
  SettledDemand,
  WorkerCommands,
  WorkerSaid,
  WorkerSettings,
} from './worker-commands.ts'

export interface ThreadWorkerDeps {
  readonly log: Log
  onAccessLog(lines: Uint8Array, done: () => void): void
  onAddressNeeded(name: string): void
  /** The thread ended by itself. */
  onFailed(error: L4Error): void
}

const errors: ThreadErrors<L4Error> = {
  refused: (code, message) =>
    new L4Error(l4ErrorCodes.find((known) => known === code) ?? 'L4_WORKER', message),
  ended: (why) => new L4Error('L4_WORKER', `a data path thread ended: ${why}`),
  closed: () => new L4Error('L4_CLOSED', 'the data plane has ended'),
}

/** A DataWorker on a thread of its own, as seen from the main thread. */
export class ThreadWorker implements WorkerCommands {
  readonly #thread: CommandThread<WorkerCommands, WorkerSaid, L4Error>

  /** `begun`: of `beginDataThreads`, where somebody has. */
  constructor(settings: WorkerSettings, deps: ThreadWorkerDeps, begun: Worker | undefined) {
    const { log } = deps
    this.#thread = new CommandThread(
      { begun: begun ?? beginDataThread(settings.index, settings.limits.maxHeapBytes), settings },
      {
        log,
        errors,
        onSaid: ({ name }) => deps.onAddressNeeded(name),
        onAccessLog: (lines, done) => deps.onAccessLog(lines, done),
        onFailed: (error) => deps.onFailed(error),
      },
    )
  }

  apply(update: ResourceUpdate): Promise<readonly RejectedResource[]> {
    return this.#thread.call('apply', update)
  }

  setCertificates(certificates: readonly WorkloadCertificate[]): Promise<void> {
    return this.#thread.call('setCertificates', certificates)
  }

  setRevocations(revocations: Revocations): Promise<void> {
    return this.#thread.call('setRevocations', revocations)
  }

  addWorkload(workload: EnrolledWorkload): Promise<void> {
    return this.#thread.call('addWorkload', workload)
  }

  removeWorkload(uid: string): Promise<void> {
    return this.#thread.call('removeWorkload', uid)
  }

  exportListeners(uid: string): Promise<readonly ListeningSocket[]> {
    return this.#thread.call('exportListeners', uid)
  }

  adoptListeners(adoption: ListenerAdoption): Promise<void> {
    return this.#thread.call('adoptListeners', adoption)
  }

  release(uid: string): Promise<void> {
    return this.#thread.call('release', uid)
  }

  settleDemand(demand: SettledDemand): Promise<void> {
    return this.#thread.call('settleDemand', demand)
  }

  connections(): AsyncGenerator<readonly ConnectionInfo[], void> {
    return this.#thread.slices('connections', undefined)
  }

  metrics(): AsyncGenerator<MetricsSlice, void> {
    return this.#thread.slices('metrics', undefined)
  }

  dump(): Promise<WorkerDump> {
    return this.#thread.call('dump', undefined)
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#thread.call('drain', deadlineMs)
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
