import type { ApiCollections } from '@tulle/api'
import type { Collection, Graph, Index } from '@tulle/collections'
import { compareText } from '@tulle/core'
import { clusterServiceKey } from '@tulle/workloads'
import { decidePort, mergeRoutes } from './merge-routes.ts'
import type { MergedRoutes, PortOutcome } from './merge-routes.ts'
import type { RouteTranslation } from './route-types.ts'
import { sharedSessionsOf } from './shared-sessions.ts'
import type { SharedSession } from './shared-sessions.ts'

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

/** Who is heard on one port of a service, by one group of callers. */
export interface GroupOutcome extends PortOutcome {
  readonly port: number
  readonly callers: string
  /** `objectKey` of those that are heard. */
  readonly heard: ReadonlySet<string>
  /** By `ruleKey`. */
  readonly sharedSessions: ReadonlyMap<string, SharedSession>
}

/** By `groupKey`. */
export type ServiceOutcome = ReadonlyMap<string, GroupOutcome>

export function groupKey(port: number, callers: string): string {
  return `${port}/${callers}`
}

/** Who is heard where, decided once for each service; keyed by `serviceKey`. */
export function deriveServiceOutcomes(
  graph: Graph,
  api: Pick<ApiCollections, 'services'>,
  routesByService: Index<RouteTranslation>,
): Collection<ServiceOutcome> {
  return graph.deriveMany('service-route-outcomes', api.services, ({ metadata }, look) => {
    const service = clusterServiceKey(metadata.namespace, metadata.name)
    const routes = look.by(routesByService, service)
    return routes.length === 0 ? [] : [[service, serviceOutcome(service, routes)]]
  })
}

/** Producer and consumer routes are never merged with one another. @see GEP-1294, Multiple routes for a Service */
export function serviceOutcome(service: string, routes: readonly RouteTranslation[]): ServiceOutcome {
  const groups = new Map<
    string,
    { readonly port: number; readonly callers: string; readonly attached: Set<RouteTranslation> }
  >()
  for (const route of routes) {
    if (route.refused !== undefined) continue
    for (const { port, callers } of placesOf(route, service)) {
      const key = groupKey(port, callers)
      const group = groups.get(key) ?? { port, callers, attached: new Set() }
      groups.set(key, group)
      group.attached.add(route)
    }
  }
  return new Map(
    Array.from(groups, ([key, { port, callers, attached }]) => {
      const outcome = decidePort([...attached])
      const heard = new Set(outcome.winners.map((route) => route.key))
      return [
        key,
        { ...outcome, port, callers, heard, sharedSessions: sharedSessionsOf(outcome.winners) },
      ] as const
    }),
  )
}

function placesOf(
  { parents }: RouteTranslation,
  service: string,
): readonly { readonly port: number; readonly callers: string }[] {
  return parents.flatMap(({ attachment }) =>
    attachment?.service === service
      ? attachment.ports.map(({ port }) => ({ port, callers: attachment.callers }))
      : [],
  )
}

/** What the routes of each service come to, keyed by `serviceKey`. */
export function deriveServiceRoutes(
  graph: Graph,
  outcomes: Collection<ServiceOutcome>,
): Collection<ServiceRoutes> {
  return graph.derive('service-routes', outcomes, (outcome, _look, service) =>
    serviceRoutes(service, outcome),
  )
}

function serviceRoutes(service: string, outcome: ServiceOutcome): ServiceRoutes | undefined {
  const groups = [...outcome.values()].toSorted(
    (a, b) => a.port - b.port || compareText(a.callers, b.callers),
  )
  const ports = [...new Set(groups.map(({ port }) => port))].flatMap((port) => {
    const merged = groups
      .filter((group) => group.port === port)
      .flatMap(({ callers, winners, sharedSessions }) => {
        const routes = mergeRoutes(winners, sharedSessions)
        return routes === undefined ? [] : [[callers, routes] as const]
      })
    return merged.length === 0 ? [] : [portRoutes(port, new Map(merged))]
  })
  return ports.length === 0 ? undefined : { service, ports }
}

function portRoutes(port: number, byCallers: ReadonlyMap<string, MergedRoutes>): PortRoutes {
  const producer = byCallers.get('')
  const consumers = new Map([...byCallers].filter(([callers]) => callers !== ''))
  return { port, consumers, ...(producer === undefined ? {} : { producer }) }
}
