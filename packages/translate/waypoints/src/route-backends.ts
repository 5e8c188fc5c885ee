import type { Graph, Index } from '@tulle/collections'
import { compareText } from '@tulle/core'
import { backendsOf } from '@tulle/traffic'
import type { ServiceTraffic } from '@tulle/traffic'
import type { WaypointInputs } from './inputs.ts'

/** A service, and the others that its routes lead to. */
export interface RouteBackends {
  readonly service: string
  readonly backends: readonly string[]
}

/**
 * Services whose routes lead to one, by its `serviceKey`: their waypoint calls it, whoever is bound to what. Apart from the
 * weights, so that a weight that changes touches no workload.
 */
export function deriveRouteBackends(
  graph: Graph,
  { traffic }: Pick<WaypointInputs, 'traffic'>,
): Index<RouteBackends> {
  const leads = graph.derive('route-backends', traffic, (one): RouteBackends | undefined => {
    const backends = [...servicesLedTo(one)].filter((key) => key !== one.service).toSorted(compareText)
    return backends.length === 0 ? undefined : { service: one.service, backends }
  })
  return graph.index('routes-by-backend', leads, ({ backends }) => backends)
}

function servicesLedTo({ ports }: ServiceTraffic): ReadonlySet<string> {
  const routes = ports.flatMap(({ producer, consumers }) => [
    ...(producer === undefined ? [] : [producer]),
    ...consumers.values(),
  ])
  return new Set(routes.flatMap(backendsOf).flatMap((one) => (one.kind === 'service' ? [one.service] : [])))
}
