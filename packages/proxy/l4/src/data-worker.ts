/** Entry of a data path thread: a DataWorker that the main thread commands. */
import { flushCompileCache } from 'node:module'
import { systemClock, systemRng } from '@tulle/core'
import { ThreadHost } from '@tulle/runtime'
import { DataWorker } from './data-worker-core.ts'
import { threadCpuMicroseconds } from './thread-cpu.ts'
import type { WorkerSaid, WorkerSettings } from './worker-commands.ts'

/** The first connections have come by then, and with them what is loaded late. */
const keepCompiledMs = 5000

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

// For the next start: a thread of a process that is killed later can't.
systemClock.after(keepCompiledMs, () => flushCompileCache())
