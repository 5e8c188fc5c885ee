import type { Worker } from 'node:worker_threads'
import { systemClock } from '@tulle/core'
import type { ThreadRequest } from './thread-messages.ts'

/** More than a turn of a thread takes that is not stuck. */
const patienceMs = 1000

const running: Set<Worker> = new Set()
let exiting = false

/** Of a thread that serves by a ThreadHost. */
export function noteThread(worker: Worker): void {
  running.add(worker)
  worker.once('exit', () => running.delete(worker))
}

/** Whether the ends of threads are no failures any more. */
export function isExiting(): boolean {
  return exiting
}

/**
 * Ends the process as `process.exit` does, but has its threads end by themselves before, each between two of its turns: native
 * code that is broken off (koffi) would end the process with a signal, whatever its code was to be. Nobody waits for a thread that
 * is stuck. The first call counts.
 */
export function exitProcess(code: number): void {
  if (exiting) return
  exiting = true
  const ended = Array.from(running, (worker) => {
    const end = Promise.withResolvers<void>()
    worker.once('exit', () => end.resolve())
    worker.postMessage({ kind: 'end' } satisfies ThreadRequest)
    return end.promise
  })
  systemClock.after(patienceMs, () => process.exit(code))
  void Promise.all(ended).then(() => process.exit(code))
}
