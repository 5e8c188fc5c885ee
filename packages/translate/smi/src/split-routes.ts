import type { HttpRouteGroupObject, TrafficSplitObject } from '@tulle/api'
import { anyRequest } from '@tulle/traffic'
import type {
  Backend,
  HttpEntry,
  HttpMatch,
  HttpRule,
  Routes,
  RuleOrigin,
  WeightedBackend,
} from '@tulle/traffic'
import { httpMatchOf } from './http-match.ts'

/** A port of a split's root, and where it sends to. */
export interface SplitPlace {
  readonly split: TrafficSplitObject
  /** `namespace/hostname`. */
  readonly service: string
  readonly port: number
  /** Backends that have the port: the others have no part in it. */
  readonly backends: readonly WeightedBackend[]
}

/** Decided once a connection, by weight. Without a backend, connections are closed. */
export function streamSplit({ split, backends }: SplitPlace): Routes {
  return { kind: 'tcp', origin: originOf(split, 0), backends }
}

/**
 * Decided a request. With `matches`, what none of the groups' matches covers goes to the root's own endpoints; the groups
 * add up. @see design §9.7, SMI Traffic Split v1alpha4
 */
export function requestSplit(
  place: SplitPlace,
  groups: readonly (HttpRouteGroupObject | undefined)[] | undefined,
): Routes {
  const rule = ruleOf(originOf(place.split, 0), place.backends)
  if (groups === undefined) return { kind: 'http', entries: [{ match: anyRequest, rule }] }
  const matches: readonly HttpMatch[] = groups.flatMap((group) => group?.spec.matches.map(httpMatchOf) ?? [])
  const entries: readonly HttpEntry[] = matches.map((match) => ({ match, rule }))
  return { kind: 'http', entries: [...entries, { match: anyRequest, rule: restRule(place) }] }
}

function restRule({ split, service, port }: SplitPlace): HttpRule {
  const own: Backend = { kind: 'service', service, port }
  return ruleOf({ ...originOf(split, 1), ruleName: 'the rest' }, [{ backend: own, weight: 1, filters: [] }])
}

/** The Host header stays as it is (§9.7). */
function ruleOf(origin: RuleOrigin, backends: readonly WeightedBackend[]): HttpRule {
  return { origin, filters: [], backends, noBackendStatus: 503, requestTimeoutMs: 0, attemptTimeoutMs: 0 }
}

function originOf({ metadata }: TrafficSplitObject, rule: number): RuleOrigin {
  return { kind: 'TrafficSplit', namespace: metadata.namespace, name: metadata.name, rule }
}
