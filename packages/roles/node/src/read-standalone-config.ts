import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { MeshError } from '@tulle/core'
import type { StandaloneConfig } from './standalone-config.ts'

/** What the thread says. */
export type ParsedConfig = { readonly config: StandaloneConfig } | { readonly problems: readonly string[] }

/** Of the memory of a thread that has ended, V8 keeps some for those to come. */
const maxYoungGenerationSizeMb = 3

/**
 * Reads a file in ztunnel's shape, on a thread whose memory ends with it: what reads YAML and holds it against a schema
 * takes more than the proxy that it is for. Throws a MeshError with a line for each problem.
 */
export async function readStandaloneConfig(file: string): Promise<StandaloneConfig> {
  // In this form bundlers keep the module as an entry of its own.
  const thread = new Worker(new URL('./standalone-config-thread.ts', import.meta.url), {
    workerData: file,
    name: 'config',
    resourceLimits: { maxYoungGenerationSizeMb },
  })
  const ended = once(thread, 'exit')
  // The thread is ours, and says nothing else.
  const [parsed] = (await once(thread, 'message')) as [ParsedConfig]
  await ended
  if ('config' in parsed) return parsed.config
  throw new MeshError('NODE_BAD_CONFIG', parsed.problems.join('\n'))
}
