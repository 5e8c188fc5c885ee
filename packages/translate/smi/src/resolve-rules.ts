import type { ApiCollections, Origin, TargetRuleSpec, TrafficTargetObject } from '@tulle/api'
import type { Look } from '@tulle/collections'
import type { HttpMatch } from '@tulle/traffic'
import { httpMatchOf } from './http-match.ts'

export type RouteCollections = Pick<ApiCollections, 'httpRouteGroups' | 'tcpRoutes' | 'udpRoutes'>

/** A rule of a target, with what it refers to. */
export interface ResolvedRule {
  /** Its place in `spec.rules`. */
  readonly index: number
  readonly protocol: 'tcp' | 'udp' | 'http'
  readonly name: string
  /** Ports as written in the route; nothing where it does not resolve. Of HTTP rules: all. */
  readonly ports: 'all' | readonly number[]
  /** Of HTTP rules: any of these; absent where the group does not resolve. */
  readonly requests?: readonly HttpMatch[]
  /** Where the route was written; absent where there is none. */
  readonly route?: Origin
  /** What does not resolve; absent where all does. */
  readonly problem?: { readonly message: string; readonly position: Origin | undefined }
}

const protocols = { HTTPRouteGroup: 'http', TCPRoute: 'tcp', UDPRoute: 'udp' } as const

/** Looks the routes up in the target's namespace. One that is not there stays a rule, and covers nothing (§9.2). */
export function resolveRules(
  target: TrafficTargetObject,
  look: Look,
  routes: RouteCollections,
): readonly ResolvedRule[] {
  return target.spec.rules.map((rule, index) => resolveRule({ target, rule, index }, look, routes))
}

interface Place {
  readonly target: TrafficTargetObject
  readonly rule: TargetRuleSpec
  readonly index: number
}

function resolveRule(place: Place, look: Look, routes: RouteCollections): ResolvedRule {
  switch (place.rule.kind) {
    case 'TCPRoute':
      return resolvePorts(place, look.one(routes.tcpRoutes, routeKey(place)))
    case 'UDPRoute':
      return resolvePorts(place, look.one(routes.udpRoutes, routeKey(place)))
    case 'HTTPRouteGroup':
      return resolveHttp(place, look, routes)
  }
}

interface PortRoute {
  readonly origin: Origin
  readonly spec: { readonly ports: readonly number[] }
}

function resolvePorts(place: Place, route: PortRoute | undefined): ResolvedRule {
  if (route === undefined) return missing(place)
  const { ports } = route.spec
  return { ...base(place), ports: ports.length === 0 ? 'all' : ports, route: route.origin }
}

function resolveHttp(place: Place, look: Look, routes: RouteCollections): ResolvedRule {
  const group = look.one(routes.httpRouteGroups, routeKey(place))
  if (group === undefined) return missing(place)
  const { matches } = group.spec
  const wanted = place.rule.matches ?? matches.map(({ name }) => name)
  const requests = matches.filter(({ name }) => wanted.includes(name)).map(httpMatchOf)
  const resolved: ResolvedRule = { ...base(place), ports: 'all', requests, route: group.origin }
  const known = new Set(matches.map(({ name }) => name))
  const unknown = wanted.findIndex((name) => !known.has(name))
  if (unknown < 0) return resolved
  const path = `spec.rules[${place.index}].matches[${unknown}]`
  const message = `${path}: HTTPRouteGroup ${place.rule.name} has no match named ${place.rule.matches?.[unknown] ?? ''}`
  return { ...resolved, problem: { message, position: place.target.positions.get(path) } }
}

function missing(place: Place): ResolvedRule {
  const path = `spec.rules[${place.index}]`
  const { namespace } = place.target.metadata
  const message = `${path}: there is no ${place.rule.kind} ${namespace}/${place.rule.name}; the rule covers nothing`
  return {
    ...base(place),
    ports: [],
    problem: { message, position: place.target.positions.get(`${path}.name`) },
  }
}

function base(place: Place): Pick<ResolvedRule, 'index' | 'protocol' | 'name'> {
  return { index: place.index, protocol: protocols[place.rule.kind], name: place.rule.name }
}

function routeKey(place: Place): string {
  return `specs.smi-spec.io/${place.rule.kind}/${place.target.metadata.namespace}/${place.rule.name}`
}
