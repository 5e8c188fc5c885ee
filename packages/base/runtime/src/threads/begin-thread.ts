import { Worker } from 'node:worker_threads'
import type { ResourceLimits } from 'node:worker_threads'
import { noteThread } from './exit-process.ts'

export interface ThreadStart {
  /**
   * Of a module that serves by a ThreadHost. Made where it is passed, of a literal and `import.meta.url`: in this form bundlers
   * keep the module as an entry of its own.
   */
  readonly entry: URL
  /** As tools show it. */
  readonly name: string
  /** A thread that needs more ends alone, and we get to say why; a heap of the whole process would take it down without a word. */
  readonly resourceLimits?: ResourceLimits
}

/**
 * Starts a thread that loads its module and then waits for the settings that a CommandThread brings: it can load beside
 * whoever is still loading what makes them. It doesn't keep the process until then.
 */
export function beginThread({ entry, name, resourceLimits }: ThreadStart): Worker {
  const worker = new Worker(entry, { name, ...(resourceLimits === undefined ? {} : { resourceLimits }) })
  worker.unref()
  noteThread(worker)
  return worker
}
