import type { ApiCollections } from '@tulle/api'
import type { Collection, Graph, Index } from '@tulle/collections'
import { compareText } from '@tulle/core'
import { clusterServiceKey } from '@tulle/workloads'
import { decidePort, mergeRoutes } from './merge-routes.ts'
import type { MergedRoutes, PortOutcome } from './merge-routes.ts'
import type { RouteTranslation } from './route-types.ts'

/** The routes of one port of a service. */
export interface PortRoutes {
  readonly port: number
  /** For every caller whose namespace has none of its own. */
  readonly producer?: MergedRoutes
  /** By the callers' namespace. */
  readonly consumers: ReadonlyMap<string, MergedRoutes>
}

export interface ServiceRoutes {
  /** `namespace/hostname`. */
  readonly service: string
  /** Those that have any, by number. */
  readonly ports: readonly PortRoutes[]
}

/** Routes by the services that they are attached to. */
export function indexRoutesByService(
  graph: Graph,
  routes: Collection<RouteTranslation>,
): Index<RouteTranslation> {
  return graph.index('routes-by-service', routes, ({ parents }) => [
    ...new Set(parents.flatMap(({ attachment }) => attachment?.service ?? [])),
  ])
}

/** What the routes of each service come to, keyed by `serviceKey`. */
export function deriveServiceRoutes(
  graph: Graph,
  api: Pick<ApiCollections, 'services'>,
  routesByService: Index<RouteTranslation>,
): Collection<ServiceRoutes> {
  return graph.deriveMany('service-routes', api.services, ({ metadata }, look) => {
    const service = clusterServiceKey(metadata.namespace, metadata.name)
    const routes = serviceRoutes(service, look.by(routesByService, service))
    return routes === undefined ? [] : [[service, routes]]
  })
}

export function serviceRoutes(
  service: string,
  routes: readonly RouteTranslation[],
): ServiceRoutes | undefined {
  const numbers = [...new Set(routes.flatMap((route) => attachedPorts(route, service)))].toSorted(
    (a, b) => a - b,
  )
  const ports = numbers.flatMap((port) => portRoutes({ service, port }, routes) ?? [])
  return ports.length === 0 ? undefined : { service, ports }
}

function attachedPorts({ parents }: RouteTranslation, service: string): readonly number[] {
  return parents.flatMap(({ attachment }) =>
    attachment?.service === service ? attachment.ports.map(({ port }) => port) : [],
  )
}

/** A port of a service. */
export interface PortPlace {
  readonly service: string
  readonly port: number
}

/** Producer and consumer routes are never merged with one another. @see GEP-1294, Multiple routes for a Service */
function portRoutes(place: PortPlace, routes: readonly RouteTranslation[]): PortRoutes | undefined {
  const groups = [...new Set(routes.flatMap((route) => callersOf(route, place)))].toSorted(compareText)
  const merged = groups.flatMap((callers) => {
    const found = mergeRoutes(outcomeOf(place, callers, routes).winners)
    return found === undefined ? [] : [[callers, found] as const]
  })
  if (merged.length === 0) return undefined
  const consumers = new Map(merged)
  const producer = consumers.get('')
  consumers.delete('')
  return { port: place.port, consumers, ...(producer === undefined ? {} : { producer }) }
}

/** Who is heard on a port by one group of callers, and who is not. */
export function outcomeOf(
  place: PortPlace,
  callers: string,
  routes: readonly RouteTranslation[],
): PortOutcome {
  return decidePort(
    routes.filter((route) => route.refused === undefined && callersOf(route, place).includes(callers)),
  )
}

function callersOf({ parents }: RouteTranslation, { service, port }: PortPlace): readonly string[] {
  return parents.flatMap(({ attachment }) =>
    attachment?.service === service && attachment.ports.some((one) => one.port === port)
      ? [attachment.callers]
      : [],
  )
}
