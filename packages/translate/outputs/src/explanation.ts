import type { Origin } from '@tulle/api'
import type { SpiffeId } from '@tulle/identity'
import type { Verdict } from '@tulle/policy'

export interface ExplainQuery {
  /** A workload or service: `namespace/name`, a name that only one has, a uid, a host name, an address. */
  readonly from: string
  readonly to: string
  /** The port that is called; may be absent where there is only one. */
  readonly port?: number | undefined
  /** What is asked, where it is not only about the connection. */
  readonly request?: AskedRequest | undefined
}

/** A request that nobody has sent. */
export interface AskedRequest {
  readonly method: string
  /** As it would be sent, with its query. */
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** The waypoint of what is called, and whether this call goes through it. */
export interface WaypointLook {
  /** `namespace/name`. */
  readonly name: string
  readonly used: boolean
  /** Why it is bound; where it is not used, why not. */
  readonly why: string
}

/** The rule of a route, as a user wrote it. */
export interface RouteLook {
  /** Such as `HTTPRoute bookstore/canary`. */
  readonly object: string
  /** Place in the object's rules, from 0. */
  readonly rule: number
  readonly ruleName?: string
  readonly origin?: Origin
  /** What of a request it covers. */
  readonly match: string
}

/** Where a share of the requests goes. */
export interface BackendLook {
  /** `Service bookstore/books-v2 port 8080`. */
  readonly target: string
  readonly sharePercent: number
  readonly filters: readonly string[]
  /** How the waypoint begins TLS there, in words. */
  readonly tls?: string
  readonly allowed: boolean
  /** What answers in its place, where nothing there would. */
  readonly answer?: Answer
}

/** A waypoint's own answer. */
export interface Answer {
  readonly status: number
  readonly why: string
}

/** What becomes of a request at the waypoint. Without one that is used: what would, if there were. */
export interface RequestLook {
  readonly method: string
  /** As everybody reads it: lower case, without port. */
  readonly host: string
  /** Normalised, without the query. */
  readonly path: string
  /** Absent: nobody wrote routes for these callers, or none covers it. */
  readonly route?: RouteLook
  readonly filters: readonly string[]
  /** Timeouts, retries and the like, each in words. */
  readonly limits: readonly string[]
  /** What may answer, with its share. */
  readonly backends: readonly BackendLook[]
  /** Where no backend is asked. */
  readonly answer?: Answer
  /** Routes that do not cover it and would go first, or would be all there are: the nearest first. */
  readonly misses: readonly (RouteLook & { readonly why: readonly string[] })[]
}

/** One side of a call. */
export interface Party {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly serviceAccount: string
  readonly identity: SpiffeId
  readonly node: string
  readonly address: string
  /** Whether a node proxy sends and receives for it. */
  readonly enrolled: boolean
}

/** One policy that holds at the destination, and what it made of the call. */
export interface PolicyLook {
  /** `namespace/name`. */
  readonly key: string
  /** The object it was made of, such as `TrafficTarget bookstore/books`, or the mode of the mesh. */
  readonly object: string
  readonly origin?: Origin
  readonly action: 'allow' | 'deny'
  readonly dryRun: boolean
  readonly matched: boolean
  /** Why it matched, or why not. */
  readonly why: string
}

/** The rule that decided, traced back to what a user wrote. */
export interface RuleLook {
  readonly policy: string
  readonly rule: number
  readonly object: string
  /** Such as `spec.rules[0]`. */
  readonly path?: string
  readonly origin?: Origin
  readonly text: string
}

/** Whether a call is allowed, why, and what would change that. */
export interface Explanation {
  readonly allowed: boolean
  /** One line for a person. */
  readonly summary: string
  readonly from: Party
  readonly to: Party
  /** The service that was called, if one was. */
  readonly service?: string
  /** The port that the destination is reached on. */
  readonly port: number
  /** Whether the call travels over mTLS. */
  readonly encrypted: boolean
  /** Whether a node proxy decides at the destination. */
  readonly enforced: boolean
  /** Who the destination sees; absent for plaintext. */
  readonly identitySeen?: SpiffeId
  /** What reads requests on the way; absent where nothing does or should. */
  readonly waypoint?: WaypointLook
  readonly request?: RequestLook
  readonly verdict: Verdict
  readonly policies: readonly PolicyLook[]
  readonly rule?: RuleLook
  /** What would change it, the smallest change first. */
  readonly changes: readonly string[]
  /** Every workload that could answer. The one that is explained is the first that refuses, else the first. */
  readonly endpoints: readonly { readonly uid: string; readonly port: number; readonly allowed: boolean }[]
}
