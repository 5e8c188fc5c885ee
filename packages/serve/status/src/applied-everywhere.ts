import type { Collection } from '@tulle/collections'
import { compareText } from '@tulle/core'
import type { Workload } from '@tulle/mesh'
import { snapshots } from '@tulle/runtime'
import type { ControlState, RevisionProgress } from './control-state.ts'

export interface Spread {
  readonly progress: RevisionProgress
  /** Nodes that have workloads in the mesh and no connected proxy: nobody can say what holds there. */
  readonly missing: readonly string[]
  readonly applied: boolean
}

/**
 * Resolves when every node that has workloads in the mesh applied the revision; with how far it is when one of them
 * refused something, which no waiting changes, or when aborted.
 */
export async function appliedEverywhere(
  { graph, workloads, receipts }: Pick<ControlState, 'graph' | 'workloads' | 'receipts'>,
  revision: number,
  signal: AbortSignal,
): Promise<Spread> {
  let expected = { at: graph.revision, nodes: nodesOf(workloads) }
  const take = (): Spread => {
    if (expected.at !== graph.revision) expected = { at: graph.revision, nodes: nodesOf(workloads) }
    const progress = receipts.report(revision)
    const connected = new Set(progress.nodes.map(({ node }) => node))
    const missing = expected.nodes.filter((node) => !connected.has(node))
    return { progress, missing, applied: progress.everywhere && missing.length === 0 }
  }
  const subscribe = (onChange: () => void): Disposable => receipts.subscribe(onChange)
  for await (const spread of snapshots({ subscribe, take }, signal)) {
    if (spread.progress.answered && spread.missing.length === 0) return spread
  }
  return take()
}

function nodesOf(workloads: Collection<Workload>): readonly string[] {
  const nodes = new Set<string>()
  for (const [, workload] of workloads.entries()) if (workload.tunnel === 'hbone') nodes.add(workload.node)
  return [...nodes].toSorted(compareText)
}
