import type { NodeRoleDeps } from './node-role.ts'
import type { StandaloneOptions } from './options.ts'

/**
 * Runs a node proxy for one workload, in the namespace it is started in, from files alone, until it is stopped.
 * A node of a mesh never loads what reads those files.
 */
export async function runStandalone(options: StandaloneOptions, deps: NodeRoleDeps): Promise<void> {
  const { serveStandalone } = await import('./standalone-role.ts')
  await serveStandalone(options, deps)
}
