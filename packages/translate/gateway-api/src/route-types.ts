import type { ServicePortSpec } from '@tulle/api'
import type { HttpEntry, TcpRoutes } from '@tulle/traffic'
import type { Age, Note } from '@tulle/workloads'

/** In the order in which kinds win on one port of one service. @see GEP-1294, Route types */
export const routeKinds = ['GRPCRoute', 'HTTPRoute', 'TLSRoute', 'TCPRoute'] as const
export type RouteKind = (typeof routeKinds)[number]

/** What a route is attached to through one of its references. */
export interface Attachment {
  /** `namespace/hostname`. */
  readonly service: string
  /** `Service bookstore/books`. */
  readonly label: string
  /** '' for a producer route, which is for all callers; else the namespace whose callers it is for. */
  readonly callers: string
  /** Those of the Service's ports that it covers. */
  readonly ports: readonly ServicePortSpec[]
}

/** One of a route's references to parents. */
export interface RouteParent {
  /** Place in `spec.parentRefs`. */
  readonly index: number
  /** `Service bookstore/books port 80`. */
  readonly label: string
  readonly attachment?: Attachment
  /** Why it is not attached there, or only in part. */
  readonly note?: Note
}

/** What decides between matches: the greater comes first, at the first place where two differ. */
export type Rank = readonly number[]

export interface RankedEntry {
  readonly rank: Rank
  readonly entry: HttpEntry
}

/** Of routes that are decided once for a connection. */
export interface StreamRule extends Omit<TcpRoutes, 'kind'> {
  /** Of a TLSRoute. */
  readonly hostnames: readonly string[]
}

/** A route, read. */
export interface RouteTranslation {
  readonly key: string
  readonly kind: RouteKind
  /** `HTTPRoute bookstore/canary`. */
  readonly label: string
  readonly age: Age
  readonly generation?: number
  readonly parents: readonly RouteParent[]
  /** Of HTTPRoutes and GRPCRoutes. */
  readonly entries: readonly RankedEntry[]
  /** Of TLSRoutes and TCPRoutes; absent where none is in force. */
  readonly stream?: StreamRule
  /** Why no rule of it is in force. */
  readonly refused?: Note
  /** What is to be known of it although it is accepted. */
  readonly hint?: Note
  readonly resolvedRefs?: Note
  readonly partiallyInvalid?: Note
}
