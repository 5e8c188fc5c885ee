import { badRequest } from '@tulle/runtime'
import type { AdminReply, AdminRequest, AdminRoute } from '@tulle/runtime'
import { readTapFilter } from '@tulle/waypoint-plane'
import type { WaypointPlane } from '@tulle/waypoint-plane'

const maxPerSecond = 1000
const defaultPerSecond = 100
const minIntervalMs = 100
const maxIntervalMs = 60_000

/** Live requests and counts of them, a line each, for as long as somebody reads. */
export function tapRoutes(sources: Pick<WaypointPlane, 'tap' | 'edges'>): readonly AdminRoute[] {
  return [
    { method: 'GET', path: '/v1/tap', handle: (request) => answerTap(request, sources.tap) },
    { method: 'GET', path: '/v1/edges', handle: (request) => answerEdges(request, sources.edges) },
  ]
}

/** `?from=&to=&method=&path=&status=&verdict=&maxPerSecond=`: what matches, and how many more there were. */
function answerTap({ query, signal }: AdminRequest, tap: WaypointPlane['tap']): AdminReply {
  const limit = integer(query, 'maxPerSecond', { min: 1, max: maxPerSecond, absent: defaultPerSecond })
  if (typeof limit === 'string') return badRequest(limit)
  const filter = readTapFilter(query)
  if (!filter.ok) return badRequest(filter.error)
  const values = tap.open({ filter: filter.value, maxPerSecond: limit }, signal)
  return values === undefined ? tooMany : { kind: 'lines', values }
}

/** `?intervalMs=`: requests by client and service, a line each interval. */
function answerEdges({ query, signal }: AdminRequest, edges: WaypointPlane['edges']): AdminReply {
  const intervalMs = integer(query, 'intervalMs', { min: minIntervalMs, max: maxIntervalMs, absent: 1000 })
  if (typeof intervalMs === 'string') return badRequest(intervalMs)
  const values = edges.open(intervalMs, signal)
  return values === undefined ? tooMany : { kind: 'lines', values }
}

const tooMany: AdminReply = {
  kind: 'error',
  status: 503,
  code: 'TOO_MANY_READERS',
  message: 'enough others look at this waypoint already',
}

interface Range {
  readonly min: number
  readonly max: number
  readonly absent: number
}

/** A text says what is wrong. */
function integer(query: URLSearchParams, name: string, { min, max, absent }: Range): number | string {
  const text = query.get(name)
  if (text === null) return absent
  const value = Number(text)
  return /^\d{1,9}$/u.test(text) && value >= min && value <= max
    ? value
    : `${name}: expected a whole number of ${min}–${max}, found ${JSON.stringify(text)}`
}
