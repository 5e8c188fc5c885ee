import type { Worker } from 'node:worker_threads'
import { beginThread } from '@tulle/runtime'
import { defaultLimits } from './limits.ts'

/**
 * What connections leave behind dies young: with 3, a new one takes 3 to 5 % more processor, with 6 a download 7 %, and an idle
 * proxy 2 to 3 MB less than with 12: half spaces of a third of this have grown to it when the thread has loaded.
 */
const maxYoungGenerationSizeMb = 9

export function beginDataThread(index: number, maxHeapBytes: number): Worker {
  return beginThread({
    entry: new URL('./data-worker.ts', import.meta.url),
    name: `data-${index}`,
    resourceLimits: { maxOldGenerationSizeMb: Math.ceil(maxHeapBytes / 1024 ** 2), maxYoungGenerationSizeMb },
  })
}

/**
 * Threads for a data plane that is made later: they load what they need beside whoever loads the rest of a process, which
 * takes as long. This module stands on little, so that it is there first.
 */
export function beginDataThreads(workers: number): readonly Worker[] {
  return Array.from({ length: workers }, (_, index) => beginDataThread(index, defaultLimits.maxHeapBytes))
}
