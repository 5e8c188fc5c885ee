import { setFlagsFromString } from 'node:v8'
import type { Clock } from '@tulle/core'
import { trimMemory } from '@tulle/kernel'

/** Most starts take less; what starts later ends a little larger. */
const startMs = 1000

/**
 * What a process makes while it starts is mostly needed once, but V8 and the C library keep room for as much. For a
 * second V8's space for new objects therefore does not grow, in any thread, and then free memory goes back to the
 * system. Later it grows with the load, as ever.
 */
export function startSmall(clock: Clock): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  clock.after(startMs, () => {
    setFlagsFromString('--semi-space-growth-factor=2')
    trimMemory()
  })
}
