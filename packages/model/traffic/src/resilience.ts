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
  /** Below this share of good answers; 0 = off. */
  readonly minSuccessRate: number
  readonly minRequests: number
  readonly windowMs: number
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
  /** Of a service's endpoints. */
  readonly maxEjectedPercent: number
}

export interface ConnectionLimits {
  readonly maxConnections: number
  readonly maxRequests: number
  readonly maxPending: number
}

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
  readonly maxAttempts: number
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
  readonly session?: SessionPersistence
}
