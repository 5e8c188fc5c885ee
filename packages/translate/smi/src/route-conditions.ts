import type { Condition, HttpRouteGroupObject } from '@tulle/api'
import type { Collection, Graph } from '@tulle/collections'
import { conditionSet } from '@tulle/workloads'
import type { RouteCollections } from './resolve-rules.ts'

/** What is to be said of routes, which do nothing before a target refers to them; keyed by `objectKey`. */
export function deriveRouteConditions(graph: Graph, api: RouteCollections): Collection<readonly Condition[]> {
  return graph.join('route-conditions', [
    graph.derive('http-route-group-conditions', api.httpRouteGroups, httpRouteGroupConditions),
    graph.derive('tcp-route-conditions', api.tcpRoutes, () => conditionSet()),
    graph.derive('udp-route-conditions', api.udpRoutes, () => conditionSet()),
  ])
}

export function httpRouteGroupConditions(group: HttpRouteGroupObject): readonly Condition[] {
  const names = group.spec.matches.map(({ name }) => name)
  const index = names.findIndex((name, i) => names.indexOf(name) < i)
  if (index < 0) return conditionSet()
  const message = `several matches are named ${names[index] ?? ''}: a rule that names it means all of them`
  const position = group.positions.get(`spec.matches[${index}].name`)
  return conditionSet({ accepted: { reason: 'DuplicateMatch', message, position } })
}
