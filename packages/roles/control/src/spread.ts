import type { Collection, Graph } from '@tulle/collections'
import { compareText } from '@tulle/core'
import type { Workload } from '@tulle/mesh'
import { snapshots } from '@tulle/runtime'
import type { Receipts } from '@tulle/xds'

/** A node where something is not in force, and why not. */
export interface Laggard {
  readonly node: string
  readonly why: string
}

export interface SpreadInputs {
  readonly graph: Graph
  readonly workloads: Collection<Workload>
  readonly receipts: Pick<Receipts, 'nodes' | 'subscribe'>
}

/**
 * Nodes that have workloads in the mesh, or are connected, where the resources of one type as they were at `revision`
 * are not in force. A node that does not ask for the type at all is one of them: whatever it does, it is not that.
 */
export function laggards(inputs: SpreadInputs, typeUrl: string, revision: number): readonly Laggard[] {
  const missing = new Set<string>()
  for (const [, workload] of inputs.workloads.entries())
    if (workload.tunnel === 'hbone') missing.add(workload.node)
  const found: Laggard[] = []
  for (const { node, connected, types } of inputs.receipts.nodes()) {
    if (!connected) continue
    missing.delete(node)
    const type = types.find((each) => each.typeUrl === typeUrl)
    const [refusal] = type?.rejected ?? []
    if (type === undefined) found.push({ node, why: 'does not ask for it' })
    else if (refusal !== undefined) found.push({ node, why: `refused: ${refusal.reason}` })
    else if (type.appliedRevision < revision) found.push({ node, why: 'has not applied it yet' })
  }
  for (const node of missing) found.push({ node, why: 'is not connected' })
  return found.toSorted((a, b) => compareText(a.node, b.node))
}

/** Waits until there are none; with those that are left when the signal aborts. */
export async function awaitSpread(
  inputs: SpreadInputs,
  typeUrl: string,
  { revision, signal }: { readonly revision: number; readonly signal: AbortSignal },
): Promise<readonly Laggard[]> {
  const take = (): readonly Laggard[] => laggards(inputs, typeUrl, revision)
  const subscribe = (onChange: () => void): Disposable => inputs.receipts.subscribe(onChange)
  for await (const left of snapshots({ subscribe, take }, signal)) if (left.length === 0) return left
  return take()
}
