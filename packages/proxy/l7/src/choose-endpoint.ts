import type { Endpoint } from '@tulle/balance'
import type { RequestState } from './request-state.ts'
import type { Cluster, UpstreamSpec } from './upstream/cluster.ts'

/**
 * The endpoint that a live session is with, until that was tried in vain; else whom the balancer picks. Those that were tried, or
 * would refuse the request, are chosen where there is no other.
 */
export function chooseEndpoint(request: RequestState, cluster: Cluster): Endpoint<UpstreamSpec> | undefined {
  const live = request.tried === undefined ? request.session?.live : undefined
  const sticky = live === undefined ? undefined : cluster.balancer.find(live)
  if (sticky !== undefined) return sticky
  return cluster.balancer.pick(avoiding(request, cluster, request.tried))
}

/** Another one than those that are under way; undefined: there is none that is new to the request and lets it in. */
export function chooseAnother(
  request: RequestState,
  cluster: Cluster,
  running: readonly Endpoint<UpstreamSpec>[],
): Endpoint<UpstreamSpec> | undefined {
  const used = request.tried === undefined ? running : [...request.tried, ...running]
  const endpoint = cluster.balancer.pick(avoiding(request, cluster, used))
  const isNew = endpoint !== undefined && !used.includes(endpoint) && !isRefusedBy(request, endpoint)
  return isNew ? endpoint : undefined
}

export function isRefusedBy({ refusedBy }: RequestState, { key }: Endpoint<UpstreamSpec>): boolean {
  return refusedBy?.has(key) === true
}

function avoiding(
  request: RequestState,
  { balancer }: Cluster,
  used: readonly Endpoint<UpstreamSpec>[] | undefined,
): { readonly exclude: readonly Endpoint<UpstreamSpec>[] } | undefined {
  if (request.refusedBy === undefined) return used && { exclude: used }
  const refusing = [...balancer.endpoints].filter((endpoint) => isRefusedBy(request, endpoint))
  return { exclude: used === undefined ? refusing : [...used, ...refusing] }
}
