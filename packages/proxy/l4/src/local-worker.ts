import { systemRng } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import type { DataWorker } from './data-worker-core.ts'
import { threadCpuMicroseconds } from './thread-cpu.ts'
import type { WorkerCommands, WorkerSettings } from './worker-commands.ts'

export interface LocalWorkerDeps {
  readonly clock: Clock
  readonly log: Log
  onAddressNeeded(name: string): void
  onAccessLog(lines: Buffer): void
}

/** A DataWorker on the calling thread. Loaded for this alone: beside threads, the main one carries no traffic. */
export function localWorker(settings: WorkerSettings, deps: LocalWorkerDeps): WorkerCommands {
  const made = makeWorker(settings, deps)
  return {
    apply: async (update) => (await made).apply(update),
    setCertificates: async (certificates) => (await made).setCertificates(certificates),
    setRevocations: async (revocations) => (await made).setRevocations(revocations),
    addWorkload: async (workload) => (await made).addWorkload(workload),
    removeWorkload: async (uid) => (await made).removeWorkload(uid),
    exportListeners: async (uid) => (await made).exportListeners(uid),
    adoptListeners: async (adoption) => (await made).adoptListeners(adoption),
    release: async (uid) => (await made).release(uid),
    settleDemand: async (demand) => (await made).settleDemand(demand),
    connections: async function* connections() {
      yield* (await made).connections()
    },
    metrics: async function* metrics() {
      yield* (await made).metrics()
    },
    dump: async () => (await made).dump(),
    drain: async (deadlineMs) => (await made).drain(deadlineMs),
    close: async () => (await made).close(),
  }
}

async function makeWorker(settings: WorkerSettings, deps: LocalWorkerDeps): Promise<DataWorker> {
  const { DataWorker } = await import('./data-worker-core.ts')
  return new DataWorker(settings, { ...deps, rng: systemRng, cpuMicroseconds: threadCpuMicroseconds })
}
