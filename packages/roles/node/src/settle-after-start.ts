import { flushCompileCache } from 'node:module'
import type { Clock } from '@tulle/core'
import { trimMemory } from '@tulle/kernel'

/** Certificates, state and the first connections come in this time. */
const settleMs = 1000

/**
 * A moment after a start, gives memory that only the start needed back to the system, and keeps what was compiled: a process
 * that is killed later can't.
 */
export function settleAfterStart(clock: Clock): void {
  clock.after(settleMs, () => {
    flushCompileCache()
    trimMemory()
  })
}
