import { setFlagsFromString } from 'node:v8'

/** What a process of Node can be told of its memory only before it starts. */
export interface HeapSettings {
  /** Half of the space for young objects of the main thread, in MiB: without a bound it grows to 32 after one burst, and stays. */
  readonly semiSpaceMiB: number
  /** Absent: as many as the C library sees fit. @see mallopt(3), M_ARENA_MAX */
  readonly mallocArenas?: number
}

/** Memory that was freed by one thread and lies in its own arena helps nobody else. */
export const controlHeap: HeapSettings = { semiSpaceMiB: 8, mallocArenas: 1 }

/**
 * What a proxy makes while it starts is mostly needed once, and its main thread makes little after. Told in this way and not by
 * V8's flags for a space that does not grow: with those set, V8 takes nothing of what it has compiled for other flags, so that
 * Node's own modules would be compiled anew in every thread. A third arena and more are those of threads that compile and
 * collect, and keep 1.5 MB that was needed once.
 */
export const proxyHeap: HeapSettings = { semiSpaceMiB: 1, mallocArenas: 2 }

const flag = '--max-semi-space-size'
const arenasVariable = 'MALLOC_ARENA_MAX'

/** Arguments of Node for a child process with these settings; none where users chose for themselves. */
export function heapArguments(settings: HeapSettings): readonly string[] {
  const { execArgv, env } = process
  const isSet = [...execArgv, env['NODE_OPTIONS'] ?? ''].some((option) => option.includes(flag))
  return isSet ? [] : [argumentOf(settings)]
}

/** Variables of the environment for it; none where users chose for themselves. */
export function heapEnvironment({ mallocArenas }: HeapSettings): Readonly<Record<string, string>> {
  const isSet = mallocArenas === undefined || process.env[arenasVariable] !== undefined
  return isSet ? {} : { [arenasVariable]: `${mallocArenas}` }
}

function argumentOf({ semiSpaceMiB }: HeapSettings): string {
  return `${flag}=${semiSpaceMiB}`
}

/**
 * Sees to it that this process runs with these settings: where it does not, it becomes another one of the same
 * number, with the same arguments and files. Where users chose for themselves, or that can't be done, all stays as
 * it is. Call it before anything is opened.
 */
export function ensureHeapSettings(settings: HeapSettings): void {
  const { execArgv, env, argv, execPath } = process
  const missing = heapArguments(settings)
  // V8 takes it for threads too, whatever they ask for; this thread's heap is made by now.
  if (execArgv.includes(argumentOf(settings))) setFlagsFromString(`${flag}=0`)
  if (missing.length === 0 || process.execve === undefined || process.platform !== 'linux') return
  const environment = { ...env, ...heapEnvironment(settings) }
  process.execve(execPath, [execPath, ...execArgv, ...missing, ...argv.slice(1)], environment)
}

const outsideFlag = '--external-memory-accounted-in-global-limit'

/**
 * Has V8 weigh memory outside of its heap against the heap and that memory together, as it does by itself from 14.8 on.
 * Before, it looks through the whole heap whenever 64 MB more are outside, or as much as the heap may still grow by: with a
 * thousand nodes that come at once, several times for nothing, since what they hold outside is held as long as they are there.
 * Call it when modules are loaded: code that was compiled for other flags is not used.
 */
export function weighOutsideMemory(): void {
  const [major = 0, minor = 0] = process.versions.v8.split('.').map(Number)
  if (major < 14 || (major === 14 && minor < 8)) setFlagsFromString(outsideFlag)
}
