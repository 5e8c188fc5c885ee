import { defined } from '@tulle/core'
import { defaultOutliers, unlimited } from '@tulle/traffic'
import type {
  ConnectionLimits,
  FaultInjection,
  Fraction,
  Hedging,
  OutlierDetection,
  RateLimit,
  Resilience,
  RetryBudget,
} from '@tulle/traffic'
import { z } from 'zod'
import { durationFrom } from './static-duration.ts'

/** What TrafficPolicy and XBackendTrafficPolicy say in the mesh, in their words and within their bounds. */

const minuteMs = 60_000
const hourMs = 60 * minuteMs

const percent = z.number().min(0).max(100)
const count = z.int().min(1).max(1_000_000)

const outlierDetection = z
  .strictObject({
    consecutiveFailures: z.int().min(0).max(10_000).default(defaultOutliers.consecutiveFailures),
    minSuccessPercent: percent.default(0),
    minRequests: count.default(defaultOutliers.minRequests),
    interval: durationFrom(1000, hourMs).default(defaultOutliers.windowMs),
    ejection: durationFrom(1, hourMs).optional(),
    maxEjection: durationFrom(1, 24 * hourMs).optional(),
    maxEjectedPercent: percent.default(defaultOutliers.maxEjectedPercent),
  })
  .superRefine(({ consecutiveFailures, minSuccessPercent, ejection, maxEjection }, context) => {
    if (consecutiveFailures === 0 && minSuccessPercent === 0)
      context.addIssue('both "consecutiveFailures" and "minSuccessPercent" are 0: nothing would be found out')
    if (ejection !== undefined && maxEjection !== undefined && ejection > maxEjection)
      context.addIssue({
        code: 'custom',
        path: ['maxEjection'],
        message: `${maxEjection} ms at most are less than the ${ejection} ms of the first ejection`,
      })
  })
  .transform(({ minSuccessPercent, interval, ejection, maxEjection, ...same }): OutlierDetection => {
    const baseEjectionMs = ejection ?? Math.min(defaultOutliers.baseEjectionMs, maxEjection ?? Infinity)
    return {
      ...same,
      minSuccessRate: minSuccessPercent / 100,
      windowMs: interval,
      baseEjectionMs,
      maxEjectionMs: maxEjection ?? Math.max(defaultOutliers.maxEjectionMs, baseEjectionMs),
    }
  })

const limits = z
  .strictObject({
    connections: count.optional(),
    requests: count.optional(),
    pending: z.int().min(0).max(1_000_000).optional(),
  })
  .refine((said) => Object.keys(said).length > 0, 'expected "connections", "requests" or "pending"')
  .transform(({ connections, requests, pending }): ConnectionLimits => ({
    maxConnections: connections ?? unlimited,
    maxRequests: requests ?? unlimited,
    maxPending: pending ?? unlimited,
  }))

/** Down to a ten-thousandth of a percent. */
const fraction = percent
  .default(100)
  .transform((value): Fraction => ({ numerator: Math.round(value * 10_000), denominator: 1_000_000 }))

const faultInjection = z
  .strictObject({
    delay: z
      .strictObject({ duration: durationFrom(1, minuteMs), percent: fraction })
      .transform((delay) => ({ ms: delay.duration, fraction: delay.percent }))
      .optional(),
    abort: z
      .strictObject({ status: z.int().min(200).max(599), percent: fraction })
      .transform((abort) => ({ status: abort.status, fraction: abort.percent }))
      .optional(),
  })
  .refine((said) => Object.keys(said).length > 0, 'expected "delay" or "abort"')
  .transform((fault): FaultInjection => defined(fault))

const rateLimit = z
  .strictObject({
    requests: count,
    interval: durationFrom(1, hourMs).default(1000),
    burst: count.optional(),
    per: z
      .literal('Service', 'expected Service: callers have identities in the mesh alone')
      .default('Service'),
  })
  .transform(({ requests, interval, burst = requests }): RateLimit => ({
    requestsPerSecond: (requests * 1000) / interval,
    burst,
    per: 'service',
  }))

const hedging = z
  .strictObject({ delay: durationFrom(1, minuteMs), maxAttempts: z.int().min(2).max(5).default(2) })
  .transform(({ delay, maxAttempts }): Hedging => ({ delayMs: delay, maxAttempts }))

const retryConstraint = z
  .strictObject({
    budget: z
      .strictObject({
        percent: z.int().min(0).max(100).default(20),
        interval: durationFrom(1000, hourMs).default(10_000),
      })
      .prefault({}),
    minRetryRate: z
      .strictObject({ count: count.default(10), interval: durationFrom(1, hourMs).default(1000) })
      .prefault({}),
  })
  .transform(({ budget, minRetryRate }): RetryBudget => ({
    percent: budget.percent,
    windowMs: budget.interval,
    minPerSecond: (minRetryRate.count * 1000) / minRetryRate.interval,
  }))

type Maybe<Value> = z.ZodOptional<z.ZodType<Value>>

interface RuleParts {
  readonly faultInjection: Maybe<FaultInjection>
  readonly rateLimit: Maybe<RateLimit>
  readonly hedging: Maybe<Hedging>
}

interface ClusterParts extends RuleParts {
  readonly outlierDetection: Maybe<OutlierDetection>
  readonly limits: Maybe<ConnectionLimits>
  readonly retryConstraint: Maybe<RetryBudget>
}

/** What a rule may say, as a TrafficPolicy of a route may. */
export const ruleResilience: RuleParts = {
  faultInjection: faultInjection.optional(),
  rateLimit: rateLimit.optional(),
  hedging: hedging.optional(),
}

/** What a cluster may say, as a TrafficPolicy of a Service may; but for where endpoints are, which a file does not tell. */
export const clusterResilience: ClusterParts = {
  faultInjection: faultInjection.optional(),
  rateLimit: rateLimit.optional(),
  hedging: hedging.optional(),
  outlierDetection: outlierDetection.optional(),
  limits: limits.optional(),
  retryConstraint: retryConstraint.optional(),
}

type Said = { readonly [Part in keyof ClusterParts]?: z.output<ClusterParts[Part]> }

/** Nothing, where nothing is said. */
export function resilienceOf(said: Said): { readonly resilience?: Resilience } {
  const resilience = defined({
    fault: said.faultInjection,
    rateLimit: said.rateLimit,
    hedging: said.hedging,
    outliers: said.outlierDetection,
    limits: said.limits,
    retryBudget: said.retryConstraint,
  })
  return Object.keys(resilience).length === 0 ? {} : { resilience }
}
