import { setFlagsFromString } from 'node:v8'

/**
 * What a process makes while it starts is mostly needed once, but V8 keeps room for as much. From now on its space for
 * new objects does not grow, in any thread, and nothing is compiled to machine code; @tulle/node ends that when it is
 * ready. To be called before anything is loaded.
 */
export function startSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--optimize-for-size')
}
