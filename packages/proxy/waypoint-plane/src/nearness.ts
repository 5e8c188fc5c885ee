import type { EndpointLocality } from '@tulle/balance'
import type { BalanceScope, Service } from '@tulle/mesh'
import type { LocalityPreference, Nearness } from '@tulle/traffic'

/** Where this waypoint is, and what that means for a service's endpoints. */
export interface OwnPlace {
  readonly locality: EndpointLocality
  readonly preference: LocalityPreference
}

/** A waypoint is on no node that others are on: the same node is the nearest place that it can have in common with them. */
const nearnessOf: Readonly<Partial<Record<BalanceScope, Nearness>>> = {
  node: 'subzone',
  subzone: 'subzone',
  zone: 'zone',
  region: 'region',
}

/**
 * What a policy says goes before what the Service itself says. Undefined: endpoints are alike, also where nobody knows where this
 * waypoint is.
 */
export function placeFor(
  locality: EndpointLocality | undefined,
  said: LocalityPreference | undefined,
  service: Service | undefined,
): OwnPlace | undefined {
  const preference = said ?? preferenceOf(service)
  return locality === undefined || preference === undefined ? undefined : { locality, preference }
}

function preferenceOf(service: Service | undefined): LocalityPreference | undefined {
  if (service?.loadBalancing === undefined) return undefined
  const { mode, preference } = service.loadBalancing
  if (mode !== 'failover' && mode !== 'strict') return undefined
  const prefer = preference.map((scope) => nearnessOf[scope]).findLast((nearness) => nearness !== undefined)
  if (prefer === undefined) return undefined
  return { prefer, failover: mode === 'strict' ? prefer : 'anywhere' }
}

export function isSamePlace(one: OwnPlace | undefined, other: OwnPlace | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  const { locality: a, preference: p } = one
  const { locality: b, preference: q } = other
  const isSame = a.region === b.region && a.zone === b.zone && a.subzone === b.subzone
  return isSame && p.prefer === q.prefer && p.failover === q.failover
}
