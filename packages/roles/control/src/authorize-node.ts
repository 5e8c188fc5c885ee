import type { NodeCaller } from '@tulle/ca'
import type { Graph, Singleton } from '@tulle/collections'
import { spiffeId } from '@tulle/identity'
import type { Revocations, SpiffeId } from '@tulle/identity'
import { workloadIdentity } from '@tulle/mesh'
import type { MeshModel } from '@tulle/outputs'

export type AuthorizeNode = (caller: NodeCaller, identity: SpiffeId) => true | string

/**
 * A node may have the identities of the workloads that run on it and that its proxy serves. Which those are, the
 * model says; nothing that the node says of itself counts.
 */
export function authorizeByNode(graph: Graph, model: Pick<MeshModel, 'workloads'>): AuthorizeNode {
  const byIdentity = graph.index('workloads-by-identity', model.workloads, (workload) => [
    spiffeId(workloadIdentity(workload)),
  ])
  return ({ node }, identity) => {
    const served = byIdentity.by(identity).filter((workload) => workload.tunnel === 'hbone')
    return (
      served.some((workload) => workload.node === node) || `no workload of ${identity} runs on node ${node}`
    )
  }
}

/** Nobody gets a certificate for an identity that is revoked, whoever revoked it. */
export function unlessRevoked(revocations: Singleton<Revocations>, authorize: AuthorizeNode): AuthorizeNode {
  return (caller, identity) =>
    revocations.value.identities.has(identity) ? `${identity} is revoked` : authorize(caller, identity)
}
