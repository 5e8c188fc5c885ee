import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Collects all garbage of this thread, and gives back the room for young objects that its heap has grown by: V8 keeps that for
 * ever where a thread has nothing to do. It takes some 60 ms, in which the thread does nothing else.
 */
export function shrinkHeap(): void {
  collector()?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

/** V8 shows it to contexts that are made while its flag is set. */
function collector(): typeof globalThis.gc {
  if (globalThis.gc !== undefined) return globalThis.gc
  setFlagsFromString('--expose-gc')
  try {
    return runInNewContext('gc') as typeof globalThis.gc
  } finally {
    // Compiled code is only for those with the same flags.
    setFlagsFromString('--no-expose-gc')
  }
}
