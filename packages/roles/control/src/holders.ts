import type { Holder } from '@tulle/ca'
import { spiffeId } from '@tulle/identity'
import type { Revocations } from '@tulle/identity'
import { workloadIdentity } from '@tulle/mesh'
import type { MeshModel } from '@tulle/outputs'

type Workloads = Pick<MeshModel, 'workloads'>

/** The certificates that node proxies have to hold: one a node and identity, but for those that nobody gets. */
export function neededCertificates({ workloads }: Workloads, revoked: Revocations): readonly Holder[] {
  const found = new Map<string, Holder>()
  for (const [, workload] of workloads.entries()) {
    if (workload.tunnel !== 'hbone') continue
    const identity = spiffeId(workloadIdentity(workload))
    if (revoked.identities.has(identity)) continue
    found.set(`${workload.node} ${identity}`, { node: workload.node, identity })
  }
  return [...found.values()]
}

/** Whether any workload has this identity. */
export function hasIdentity({ workloads }: Workloads): (identity: string) => boolean {
  return (identity) => {
    for (const [, workload] of workloads.entries())
      if (spiffeId(workloadIdentity(workload)) === identity) return true
    return false
  }
}
