import type { Fraction } from './backend.ts'

export interface RetryRule {
  /** Repeats after the first attempt. */
  readonly attempts: number
  /** The least time before a repeat; it doubles, with jitter. */
  readonly backoffMs: number
  readonly statusCodes: readonly number[]
  readonly onConnectionError: boolean
  readonly onReset: boolean
}

/** Repeats may be at most this share of the requests of the window, and so many a second in any case. */
export interface RetryBudget {
  readonly percent: number
  readonly windowMs: number
  readonly minPerSecond: number
}

export interface SessionPersistence {
  readonly kind: 'cookie' | 'header'
  readonly name: string
  /** 0 = as long as the browser's session. */
  readonly absoluteTimeoutMs: number
}

export interface OutlierDetection {
  /** 0 = off. */
  readonly consecutiveFailures: number
  /** Below this share of good answers, of 1; 0 = off. */
  readonly minSuccessRate: number
  readonly minRequests: number
  readonly windowMs: number
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
  /** Of a service's endpoints. */
  readonly maxEjectedPercent: number
}

/** Where a service says nothing else: what fails five times in a row rests for half a minute, at most half of the endpoints. */
export const defaultOutliers: OutlierDetection = {
  consecutiveFailures: 5,
  minSuccessRate: 0,
  minRequests: 100,
  windowMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectedPercent: 50,
}

/** What a service may use of one proxy thread; beyond it, the answer is 503 at once. */
export interface ConnectionLimits {
  readonly maxConnections: number
  /** Attempts under way. */
  readonly maxRequests: number
  /** Requests whose connection is being made. */
  readonly maxPending: number
}

/** A limit that limits nothing: the most that travels. */
export const unlimited: number = 0xffff_ffff

export interface FaultInjection {
  readonly delay?: { readonly ms: number; readonly fraction: Fraction }
  readonly abort?: { readonly status: number; readonly fraction: Fraction }
}

export interface RateLimit {
  readonly requestsPerSecond: number
  readonly burst: number
  /** `identity`: each caller has its own share. */
  readonly per: 'service' | 'identity'
}

export interface Hedging {
  readonly delayMs: number
  /** The first one included. */
  readonly maxAttempts: number
}

/** Within which of these somebody is near; each lies in the next. */
export const nearnesses = ['subzone', 'zone', 'region', 'anywhere'] as const
export type Nearness = (typeof nearnesses)[number]

/** Which endpoints go before others because of where they are. */
export interface LocalityPreference {
  /** Those within it go before all others, and are alike; beyond it the nearer go first. `anywhere`: all are alike. */
  readonly prefer: Nearness
  /** Nobody beyond it is asked, whoever fails; not nearer than `prefer`. */
  readonly failover: Nearness
}

/** What is not said is the default of the waypoint. */
export interface Resilience {
  readonly retry?: RetryRule
  readonly retryBudget?: RetryBudget
  readonly outliers?: OutlierDetection
  readonly limits?: ConnectionLimits
  readonly fault?: FaultInjection
  readonly rateLimit?: RateLimit
  readonly hedging?: Hedging
  readonly locality?: LocalityPreference
  readonly session?: SessionPersistence
}
