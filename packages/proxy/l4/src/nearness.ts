import type { BalanceScope, LoadBalancing, Workload } from '@tulle/mesh'

/** Where somebody is, as far as a Service's preference may ask. */
export type Whereabouts = Pick<Workload, 'locality' | 'node' | 'network' | 'kubeCluster'>

/** Of a scope, what somebody is in; empty: nobody knows. */
const placeIn: Readonly<Record<BalanceScope, (who: Whereabouts) => string>> = {
  region: ({ locality }) => locality?.region ?? '',
  zone: ({ locality }) => locality?.zone ?? '',
  subzone: ({ locality }) => locality?.subzone ?? '',
  node: ({ node }) => node,
  cluster: ({ kubeCluster }) => kubeCluster,
  network: ({ network }) => network,
}

/** Callers to whom the same endpoints are equally near have the same one. */
export function placeKey({ preference }: Pick<LoadBalancing, 'preference'>, caller: Whereabouts): string {
  return JSON.stringify(preference.map((scope) => placeIn[scope](caller)))
}

/**
 * How many scopes, from the first on, an endpoint has in common with the caller: as ztunnel ranks them. Undefined: it gets
 * nothing. Where nobody knows where the caller is in a scope, it tells no endpoint from another.
 */
export function rankOf(
  { preference, mode }: LoadBalancing,
  caller: Whereabouts,
  endpoint: Whereabouts,
): number | undefined {
  if (mode !== 'failover' && mode !== 'strict') return 0
  const differs = preference.findIndex((scope) => {
    const own = placeIn[scope](caller)
    return own !== '' && own !== placeIn[scope](endpoint)
  })
  if (differs < 0) return preference.length
  return mode === 'strict' ? undefined : differs
}
