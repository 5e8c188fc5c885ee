import type { PolicyTargetSpec } from './gateway-kinds.ts'
import type { ApiObject } from './kinds.ts'

export interface OutlierDetectionSpec {
  /** 0 = off. */
  readonly consecutiveFailures?: number
  /** 0 = off. */
  readonly minSuccessPercent?: number
  readonly minRequests?: number
  readonly intervalMs?: number
  readonly ejectionMs?: number
  readonly maxEjectionMs?: number
  readonly maxEjectedPercent?: number
}

export interface LimitsSpec {
  readonly connections?: number
  readonly requests?: number
  readonly pending?: number
}

export interface FaultInjectionSpec {
  readonly delay?: { readonly durationMs: number; readonly percent: number }
  readonly abort?: { readonly status: number; readonly percent: number }
}

export interface RateLimitSpec {
  readonly requests: number
  readonly intervalMs: number
  readonly burst: number
  readonly per: 'Service' | 'Identity'
}

export interface HedgingSpec {
  readonly delayMs: number
  /** The first one included. */
  readonly maxAttempts: number
}

export const localities = ['Subzone', 'Zone', 'Region', 'Anywhere'] as const

/** Each lies in the next. */
export interface LocalitySpec {
  readonly prefer: (typeof localities)[number]
  /** Not nearer than `prefer`. */
  readonly failover: (typeof localities)[number]
}

/** What the Gateway API has no words for. At least one of it is said. */
export interface TrafficPolicySpec {
  readonly targetRefs: readonly PolicyTargetSpec[]
  /** Of Services only, as are limits and locality. */
  readonly outlierDetection?: OutlierDetectionSpec
  readonly limits?: LimitsSpec
  readonly locality?: LocalitySpec
  readonly faultInjection?: FaultInjectionSpec
  readonly rateLimit?: RateLimitSpec
  readonly hedging?: HedgingSpec
}
export type TrafficPolicyObject = ApiObject<'TrafficPolicy', TrafficPolicySpec, 'tulle.dev'>
