import type { PeerPlan } from './peer.ts'

/** What the bench tells the process of peers. */
export type PeerCommand =
  | {
      readonly kind: 'connect'
      readonly port: number
      readonly rootsPem: string
      readonly peers: readonly PeerPlan[]
    }
  /** Answered with `settled` once every peer has had its first answers. */
  | { readonly kind: 'settle' }
  /** Peers bring what they know along from the next connect on. */
  | { readonly kind: 'keep' }
  | { readonly kind: 'drop' }
  /** Answered with what came since the last report. */
  | { readonly kind: 'report' }

export interface PeerReport {
  /** Pairs: which change arrived, and when on the monotonic clock, in milliseconds. */
  readonly marks: Float64Array
  /** Of messages with changes in them, to peers that subscribe to everything. */
  readonly markedBytes: number
  readonly bytes: number
  /** When each peer had its first answers, on the monotonic clock. */
  readonly settledAtMs: readonly number[]
  /** Connections that were tried since the state was kept. */
  readonly connects: number
}

export type PeerAnswer =
  /** Once, when it takes commands. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'settled'; readonly atMs: number }
  | { readonly kind: 'kept' }
  | { readonly kind: 'report'; readonly report: PeerReport }
