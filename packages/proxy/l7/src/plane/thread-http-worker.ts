import { MeshError } from '@tulle/core'
import { CommandThread } from '@tulle/runtime'
import type { Log, MetricsSlice, ThreadErrors } from '@tulle/runtime'
import type { HttpWorkerCommands, HttpWorkerSettings } from './http-worker.ts'

export interface ThreadHttpWorkerDeps {
  readonly log: Log
  /** `done`: the lines are not needed any more. */
  onAccessLog(lines: Uint8Array, done: () => void): void
  /** The thread ended by itself. */
  onFailed(error: MeshError): void
}

const errors: ThreadErrors<MeshError> = {
  refused: (_code, message) => new MeshError('L7_WORKER', message),
  ended: (why) => new MeshError('L7_WORKER', `a thread of the data path ended: ${why}`),
  closed: () => new MeshError('L7_CLOSED', 'the data plane has ended'),
}

/** An HttpWorker on a thread of its own, as seen from the main thread. */
export class ThreadHttpWorker implements HttpWorkerCommands {
  readonly #thread: CommandThread<HttpWorkerCommands, never, MeshError>

  constructor(settings: HttpWorkerSettings, deps: ThreadHttpWorkerDeps) {
    this.#thread = new CommandThread(
      { entry: new URL('./http-worker-entry.ts', import.meta.url), name: `http-${settings.index}`, settings },
      {
        log: deps.log,
        errors,
        onAccessLog: (lines, done) => deps.onAccessLog(lines, done),
        onFailed: (error) => deps.onFailed(error),
      },
    )
  }

  start(): Promise<void> {
    return this.#thread.call('start', undefined)
  }

  metrics(): AsyncGenerator<MetricsSlice, void> {
    return this.#thread.slices('metrics', undefined)
  }

  drain(deadlineMs: number): Promise<number> {
    return this.#thread.call('drain', deadlineMs)
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
