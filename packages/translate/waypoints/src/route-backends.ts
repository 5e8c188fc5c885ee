import type { Graph, Index } from '@tulle/collections'
import { compareText } from '@tulle/core'
import type { Backend, HttpFilter, Routes, ServiceTraffic, WeightedBackend } from '@tulle/traffic'
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
    const backends = [...backendsOf(one)].filter((key) => key !== one.service).toSorted(compareText)
    return backends.length === 0 ? undefined : { service: one.service, backends }
  })
  return graph.index('routes-by-backend', leads, ({ backends }) => backends)
}

function backendsOf({ ports }: ServiceTraffic): ReadonlySet<string> {
  const routes = ports.flatMap(({ producer, consumers }) => [
    ...(producer === undefined ? [] : [producer]),
    ...consumers.values(),
  ])
  return new Set(routes.flatMap(targetsOf).flatMap((one) => (one.kind === 'service' ? [one.service] : [])))
}

function targetsOf(routes: Routes): readonly Backend[] {
  switch (routes.kind) {
    case 'tcp':
      return routes.backends.map(({ backend }) => backend)
    case 'tls':
      return routes.entries.flatMap(({ backends }) => backends.map(({ backend }) => backend))
    case 'http':
      return routes.entries.flatMap(({ rule }) => [
        ...mirrorsOf(rule.filters),
        ...rule.backends.flatMap(withMirrors),
      ])
  }
}

function withMirrors({ backend, filters }: WeightedBackend): readonly Backend[] {
  return [backend, ...mirrorsOf(filters)]
}

function mirrorsOf(filters: readonly HttpFilter[]): readonly Backend[] {
  return filters.flatMap((filter) => (filter.kind === 'mirror' ? [filter.backend] : []))
}
