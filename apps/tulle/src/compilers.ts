import { setFlagsFromString } from 'node:v8'

/**
 * V8's first two compilers (Sparkplug, Maglev) work on threads of their own and, as V8 ships them, also take memory of the heap there
 * that the code is for. Where cores are short that goes wrong while the heap is being collected, or the process ends: it dies of a
 * check in V8's CollectionBarrier, or never ends. With these, Sparkplug works on the heap's own thread, and Maglev leaves to it what
 * takes memory. None of them tells compiled code apart: caches stay of use.
 * @see docs/adr/0026-compilers-take-no-memory-behind-a-threads-back.md, https://github.com/nodejs/node/issues/54918
 */
export const compilerFlags: readonly string[] = [
  '--no-maglev-build-code-on-background',
  '--no-maglev-deopt-data-on-background',
  '--no-concurrent-sparkplug',
]

/** For all threads of this process, from here on. Call it before anything runs often. */
export function settleCompilers(): void {
  for (const flag of compilerFlags) setFlagsFromString(flag)
}
