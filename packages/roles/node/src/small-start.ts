import { setFlagsFromString } from 'node:v8'
import type { Clock } from '@tulle/core'
import { trimMemory } from '@tulle/kernel'

/** Certificates, state and the first connections come in this time; what comes later finds a heap that grows. */
const settleMs = 1000

/**
 * Ends what the command began before it loaded anything: V8 compiles to machine code from now on. A second later its
 * heaps may grow with the load, in all threads, and free memory of the C library goes back to the system.
 */
export function endSmallStart(clock: Clock): void {
  setFlagsFromString('--no-optimize-for-size')
  clock.after(settleMs, () => {
    setFlagsFromString('--semi-space-growth-factor=2')
    trimMemory()
  })
}
