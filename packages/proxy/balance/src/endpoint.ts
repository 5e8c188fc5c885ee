/** Where an endpoint is. What is not known is an empty string. */
export interface EndpointLocality {
  readonly region: string
  readonly zone: string
  readonly subzone: string
}

/** An endpoint as it is configured. The caller extends this with what it needs to connect. */
export interface EndpointSpec {
  /** Names it within its set for as long as it is the same endpoint: its statistics are kept by it. */
  readonly key: string
  readonly locality?: EndpointLocality
  /** Relative to the others; 0 gets nothing but live sessions. Without: 1. */
  readonly weight?: number
  /** What the control plane knows of it. One that is not ready gets nothing but live sessions. */
  readonly ready: boolean
}

/** An endpoint with what this process has seen of it. Owned by its balancer; others read. */
export interface Endpoint<S extends EndpointSpec = EndpointSpec> {
  readonly key: string
  /** As it was last configured; the same object that the caller gave. */
  readonly spec: S
  /** Attempts that have begun and not finished. */
  readonly active: number
  /** Out of rotation because of what it answered. */
  readonly ejected: boolean
  /** No longer configured; attempts that are under way finish. */
  readonly gone: boolean
  /** The peak-EWMA of its latency; undefined before its first answer. */
  readonly latencyMs: number | undefined
}

/** One attempt at an endpoint: the small thing that is allocated for it. */
export interface Attempt<S extends EndpointSpec = EndpointSpec> {
  readonly endpoint: Endpoint<S>
}

/**
 * How an attempt went, as seen from the endpoint's health. `ok`: it answered, be it 404. `failed`: connection error, reset,
 * attempt timeout, 5xx. `slow`: another endpoint answered first, so that it takes longer than this, and nothing else is known.
 * `unknown`: the caller went away or the proxy itself gave up; it says nothing about the endpoint.
 */
export type Outcome = 'ok' | 'failed' | 'slow' | 'unknown'
