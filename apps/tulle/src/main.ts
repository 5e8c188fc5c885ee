/** Entry of the command, and of every process that it starts but workloads. Nothing is loaded before the cache is on. */
import { useCompileCache } from './compile-cache.ts'
import { startSmall } from './small-start.ts'

export async function main(): Promise<void> {
  useCompileCache()
  if (process.argv[2] === 'node') startSmall()
  const { runProgram } = await import('./program.ts')
  await runProgram()
}

if (import.meta.main) await main()
