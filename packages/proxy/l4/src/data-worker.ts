/** Entry of a data path thread: a DataWorker that the main thread commands. */
import { systemClock, systemRng } from '@tulle/core'
import { ThreadHost } from '@tulle/runtime'
import { DataWorker } from './data-worker-core.ts'
import { threadCpuMicroseconds } from './thread-cpu.ts'
import type { WorkerSaid, WorkerSettings } from './worker-commands.ts'

const host = new ThreadHost<WorkerSaid>()
host.serve(
  (settings: WorkerSettings) =>
    new DataWorker(settings, {
      clock: systemClock,
      rng: systemRng,
      cpuMicroseconds: threadCpuMicroseconds,
      log: host.log(),
      onAddressNeeded: (name) => host.say({ kind: 'need', name }),
      onAccessLog: (lines) => host.writeAccessLog(lines),
    }),
)
