/** Entry of the command, and of every process that it starts but workloads. Nothing is loaded before the cache is on. */
import { useCompileCache } from './compile-cache.ts'
import { settleCompilers } from './compilers.ts'

/** Those of `roles`, which is not loaded yet. */
const roleVerbs: ReadonlySet<string> = new Set(['control', 'node', 'waypoint'])

export async function main(): Promise<void> {
  settleCompilers()
  useCompileCache()
  const [, , verb = '', ...argv] = process.argv
  if (roleVerbs.has(verb)) {
    const { runRole } = await import('./run-role.ts')
    await runRole(verb, argv)
    return
  }
  const { runProgram } = await import('./program.ts')
  await runProgram()
}

if (import.meta.main) await main()
