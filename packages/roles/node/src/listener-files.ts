import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EnrolledWorkload, ListenerPlan } from '@tulle/l4'

type Named = Pick<EnrolledWorkload, 'uid' | 'namespace' | 'name' | 'serviceAccount'>

/** What a file says, as JSON. */
export interface ListenerFile {
  readonly trustDomain: string
  readonly listeners: Omit<ListenerPlan, 'captured'>
}

/** The file of a workload in the folder of `--listeners`. */
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
): T & Pick<EnrolledWorkload, 'netns' | 'trustDomain' | 'listeners'> & { readonly netns: undefined } {
  // Whoever enrols workloads wrote it, beside the socket over which that is said.
  const { trustDomain, listeners } = JSON.parse(
    readFileSync(listenerFile(folder, workload), 'utf8'),
  ) as ListenerFile
  return { ...workload, netns: undefined, trustDomain, listeners: { ...listeners, captured: false } }
}
