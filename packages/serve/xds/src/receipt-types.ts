/** A resource that a node refused to apply; it goes on without it, closed where that is a policy. */
export interface RejectedResource {
  readonly name: string
  /** The version that was refused. */
  readonly version: string
  /** The node's words, at most a few hundred characters. */
  readonly reason: string
}

/** How far one node is with the resources of one type. Revisions are the graph's. */
export interface TypeReceipt {
  readonly typeUrl: string
  readonly subscription: 'all' | 'on-demand'
  /** The revision that the last response carried. */
  readonly sentRevision: number
  /** Everything up to this revision is in force at the node, but for `rejected`; 0 before the first answer. */
  readonly appliedRevision: number
  /** Milliseconds since the epoch of the last acknowledgement; 0 before it. */
  readonly appliedAtMs: number
  readonly rejected: readonly RejectedResource[]
}

/** What a node has applied, in its own words: it acknowledges after every worker has taken it over. */
export interface NodeReceipt {
  /** Named by the node's token, never by its request. */
  readonly node: string
  readonly connected: boolean
  /** Milliseconds since the epoch at which it connected, or went. */
  readonly sinceMs: number
  /** The least of its types; 0 before each subscribed type had an answer. */
  readonly appliedRevision: number
  /** Milliseconds since the epoch since when there is something that it has not acknowledged. */
  readonly unconfirmedSinceMs?: number
  readonly types: readonly TypeReceipt[]
}

/** How a revision spread over the nodes that were connected when it was made. */
export interface RevisionReceipt {
  readonly revision: number
  /** Milliseconds since the epoch at which the revision was made. */
  readonly madeAtMs: number
  /** How many nodes took it over while connected. */
  readonly appliedNodes: number
  /** From the revision to the last of those; 0 before the first. */
  readonly slowestMs: number
}

/** The answer to "is it in force everywhere?". */
export interface AppliedReport {
  readonly revision: number
  /** Whether every connected node has acknowledged it, be it with refusals; true with no node connected. */
  readonly answered: boolean
  /** Whether every connected node has applied it and refuses nothing. */
  readonly everywhere: boolean
  /** Connected nodes only. */
  readonly nodes: readonly NodeReceipt[]
  /** Slowest node, in milliseconds since the revision; absent for revisions made too long ago. */
  readonly slowestMs: number | undefined
}

/** Who has applied what. */
export interface Receipts {
  /** Connected ones, and those that went lately; by name. */
  nodes(): readonly NodeReceipt[]
  /** What is known of a revision; the last ten thousand are kept. */
  revision(revision: number): RevisionReceipt | undefined
  /** How things stand now. */
  report(revision: number): AppliedReport
  /** Resolves once every connected node acknowledged `revision`; rejects with the signal's reason when it aborts. */
  applied(revision: number, options: { readonly signal: AbortSignal }): Promise<AppliedReport>
  /** Called after a node connected, went, or acknowledged. */
  subscribe(onChange: () => void): Disposable
}
