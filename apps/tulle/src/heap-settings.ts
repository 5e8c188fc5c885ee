/** What a process of Node can be told of its memory only before it starts. */
export interface HeapSettings {
  /** Half of the space for young objects, in MiB: without a bound it grows to 32 after one burst, and stays. */
  readonly semiSpaceMiB: number
}

/**
 * Sees to it that this process runs with these settings: where it does not, it becomes another one of the same
 * number, with the same arguments and files. Where users chose for themselves, or that can't be done, all stays as
 * it is. Call it before anything is opened.
 */
export function ensureHeapSettings({ semiSpaceMiB }: HeapSettings): void {
  const flag = '--max-semi-space-size'
  const { execArgv, env, argv, execPath } = process
  const isSet = [...execArgv, env['NODE_OPTIONS'] ?? ''].some((option) => option.includes(flag))
  if (isSet || process.execve === undefined || process.platform !== 'linux') return
  const args = [execPath, ...execArgv, `${flag}=${semiSpaceMiB}`, ...argv.slice(1)]
  // Memory that was freed by one thread and lies in its own arena helps nobody else. @see mallopt(3), M_ARENA_MAX
  process.execve(execPath, args, { MALLOC_ARENA_MAX: '1', ...env })
}
