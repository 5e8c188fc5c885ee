import type { TrafficPolicySpec } from '@tulle/api'
import { defined } from '@tulle/core'
import { defaultOutliers, unlimited } from '@tulle/traffic'
import type {
  FaultInjection,
  Fraction,
  LocalityPreference,
  OutlierDetection,
  RateLimit,
  Resilience,
} from '@tulle/traffic'

/** What a policy asks for, as waypoints carry it out. */
export function resilienceOfPolicy(spec: TrafficPolicySpec): Resilience {
  const { outlierDetection, limits, locality, faultInjection, rateLimit, hedging } = spec
  return defined({
    outliers: outlierDetection === undefined ? undefined : outliersOf(outlierDetection),
    limits:
      limits === undefined
        ? undefined
        : {
            maxConnections: limits.connections ?? unlimited,
            maxRequests: limits.requests ?? unlimited,
            maxPending: limits.pending ?? unlimited,
          },
    locality: locality === undefined ? undefined : localityOf(locality),
    fault: faultInjection === undefined ? undefined : faultOf(faultInjection),
    rateLimit: rateLimit === undefined ? undefined : rateLimitOf(rateLimit),
    hedging,
  })
}

const nearnessOf = {
  Subzone: 'subzone',
  Zone: 'zone',
  Region: 'region',
  Anywhere: 'anywhere',
} as const

function localityOf({ prefer, failover }: NonNullable<TrafficPolicySpec['locality']>): LocalityPreference {
  return { prefer: nearnessOf[prefer], failover: nearnessOf[failover] }
}

function rateLimitOf(spec: NonNullable<TrafficPolicySpec['rateLimit']>): RateLimit {
  return {
    requestsPerSecond: (spec.requests * 1000) / spec.intervalMs,
    burst: spec.burst,
    per: spec.per === 'Service' ? 'service' : 'identity',
  }
}

function outliersOf(spec: NonNullable<TrafficPolicySpec['outlierDetection']>): OutlierDetection {
  const { consecutiveFailures, minSuccessPercent = 0, ejectionMs, maxEjectionMs } = spec
  const baseEjectionMs = ejectionMs ?? Math.min(defaultOutliers.baseEjectionMs, maxEjectionMs ?? Infinity)
  return {
    consecutiveFailures: consecutiveFailures ?? defaultOutliers.consecutiveFailures,
    minSuccessRate: minSuccessPercent / 100,
    minRequests: spec.minRequests ?? defaultOutliers.minRequests,
    windowMs: spec.intervalMs ?? defaultOutliers.windowMs,
    baseEjectionMs,
    maxEjectionMs: maxEjectionMs ?? Math.max(defaultOutliers.maxEjectionMs, baseEjectionMs),
    maxEjectedPercent: spec.maxEjectedPercent ?? defaultOutliers.maxEjectedPercent,
  }
}

function faultOf({ delay, abort }: NonNullable<TrafficPolicySpec['faultInjection']>): FaultInjection {
  return defined({
    delay: delay === undefined ? undefined : { ms: delay.durationMs, fraction: fractionOf(delay.percent) },
    abort: abort === undefined ? undefined : { status: abort.status, fraction: fractionOf(abort.percent) },
  })
}

/** Down to a ten-thousandth of a percent. */
function fractionOf(percent: number): Fraction {
  return { numerator: Math.round(percent * 10_000), denominator: 1_000_000 }
}
