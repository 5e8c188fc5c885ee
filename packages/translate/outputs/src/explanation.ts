import type { Origin } from '@tulle/api'
import type { SpiffeId } from '@tulle/identity'
import type { Verdict } from '@tulle/policy'

export interface ExplainQuery {
  /** A workload or service: `namespace/name`, a name that only one has, a uid, a host name, an address. */
  readonly from: string
  readonly to: string
  /** The port that is called; may be absent where there is only one. */
  readonly port?: number | undefined
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
  readonly verdict: Verdict
  readonly policies: readonly PolicyLook[]
  readonly rule?: RuleLook
  /** What would change it, the smallest change first. */
  readonly changes: readonly string[]
  /** Every workload that could answer. The one that is explained is the first that refuses, else the first. */
  readonly endpoints: readonly { readonly uid: string; readonly port: number; readonly allowed: boolean }[]
}
