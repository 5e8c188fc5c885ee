import { beginDataThreads } from '@tulle/l4'
import type { NodeRoleDeps } from './node-role.ts'
import type { NodeOptions, StandaloneOptions } from './options.ts'

// Each loads only what it needs: gRPC here, certificates from files there.

/** Runs a node proxy until it is stopped: resolves when it has drained. Throws HandoverError when it can't take over. */
export async function runNode(options: NodeOptions, deps: NodeRoleDeps): Promise<void> {
  // First of all: they take as long to load as this thread does, and traffic waits for both.
  const threads = beginDataThreads(options.workers)
  const { serveNode } = await import('./node-role.ts')
  await serveNode(options, { ...deps, threads })
}

/** Runs a node proxy for one workload, in the namespace it is started in, from files alone, until it is stopped. */
export async function runStandalone(options: StandaloneOptions, deps: NodeRoleDeps): Promise<void> {
  const { serveStandalone } = await import('./standalone-role.ts')
  await serveStandalone(options, deps)
}
