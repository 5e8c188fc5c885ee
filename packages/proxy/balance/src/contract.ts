import type { Attempt, Endpoint, EndpointSpec, Outcome } from './endpoint.ts'

export interface PickQuery<S extends EndpointSpec = EndpointSpec> {
  /** Tried already for this request: avoided as long as there is another. */
  readonly exclude?: readonly Endpoint<S>[]
}

/** The endpoints of one port of one service, and the choice between them. Everything is synchronous. */
export interface Balancer<S extends EndpointSpec = EndpointSpec> {
  /** Configures the set: by key, what is known of an endpoint stays. */
  replace(specs: readonly S[]): void
  /** The endpoint for one attempt; undefined where there is none: 503. Allocates nothing. */
  pick(query?: PickQuery<S>): Endpoint<S> | undefined
  /** By key, whatever its weight, readiness or state; undefined when it is gone. For live sessions. */
  find(key: string): Endpoint<S> | undefined
  /** An attempt starts now. Each is finished once, in the end. */
  begin(endpoint: Endpoint<S>): Attempt<S>
  /** The head of the answer is there, or the attempt failed: once an attempt, at most. Latency is taken here. */
  answered(attempt: Attempt<S>, outcome: Outcome): void
  /** The exchange is over. Without `answered` before, its outcome is `unknown`. */
  finished(attempt: Attempt<S>): void
  readonly size: number
  readonly endpoints: Iterable<Endpoint<S>>
}
