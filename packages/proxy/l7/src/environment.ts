import type { Clock, Rng } from '@tulle/core'
import type { Refusal } from '@tulle/http1'
import type { ActiveRequests } from './active-requests.ts'
import type { HttpAuthorizer } from './authorizer.ts'
import type { L7Limits } from './limits.ts'
import type { RequestRecord } from './request-record.ts'
import type { Rates } from './resilience.ts'
import type { RoutedPort } from './routing/route-table.ts'
import type { Sessions } from './sessions.ts'
import type { Timeouts } from './timeouts.ts'
import type { Tracer } from './tracing/tracer.ts'
import type { ClusterDirectory } from './upstream/cluster.ts'

/** Where routes come from. */
export interface RouteDirectory {
  /** Undefined: this proxy has nothing to do with that service. */
  portOf(service: string, port: number): RoutedPort | undefined
}

/** What all requests of a thread share. */
export interface L7Environment {
  readonly clock: Clock
  readonly rng: Rng
  readonly limits: L7Limits
  readonly timeouts: Timeouts
  readonly routes: RouteDirectory
  readonly clusters: ClusterDirectory
  readonly authorizer: HttpAuthorizer
  readonly sessions: Sessions
  readonly tracer: Tracer
  readonly rates: Rates
  /** Requests under way. */
  readonly active: ActiveRequests
  /** Told of each request when it is over. */
  onDone(record: RequestRecord): void
  /** Told why what a client sent was no request. */
  onUnread(refusal: Refusal): void
}
