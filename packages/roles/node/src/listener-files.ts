import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EnrolledWorkload, ListenerPlan } from '@tulle/l4'

type Named = Pick<EnrolledWorkload, 'uid' | 'namespace' | 'name' | 'serviceAccount'>

/** The file of a workload in the folder of `--listeners`: a ListenerPlan as JSON. */
export function listenerFile(folder: string, { namespace, name }: Pick<Named, 'namespace' | 'name'>): string {
  return join(folder, `${namespace}_${name}.json`)
}

/**
 * A workload in the proxy's own namespace, where nothing is redirected: it listens where the workload's file says.
 * Throws where there is none, so that nobody is served by guess.
 */
export function withListenerFile<T extends Named>(
  folder: string,
  workload: T,
): T & { readonly netns: undefined; readonly listeners: ListenerPlan } {
  // Whoever enrols workloads wrote it, beside the socket over which that is said.
  const listeners = JSON.parse(readFileSync(listenerFile(folder, workload), 'utf8')) as ListenerPlan
  return { ...workload, netns: undefined, listeners: { ...listeners, captured: false } }
}
