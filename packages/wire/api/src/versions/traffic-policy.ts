import { z } from 'zod'
import { defined } from '@tulle/core'
import { gatewayGroup } from '../gateway-kinds.ts'
import { durationMs, policyTarget, repeatedTargets, upTo } from '../gateway-shapes.ts'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { checked, closed, dnsName, quote } from '../shapes.ts'
import type { Fault } from '../shapes.ts'
import { localities } from '../traffic-policy.ts'
import type { TrafficPolicySpec } from '../traffic-policy.ts'

const hourMs = 3_600_000
const minuteMs = 60_000

/** What can be attached to, and what `sectionName` names in it. */
const targetKinds: ReadonlyMap<string, string> = new Map([
  ['/Service', 'a port'],
  [`${gatewayGroup}/HTTPRoute`, 'a rule'],
  [`${gatewayGroup}/GRPCRoute`, 'a rule'],
])

const target = checked(
  closed({ ...policyTarget.shape, sectionName: dnsName.optional() }),
  function* ({ group, kind }) {
    if (targetKinds.has(`${group}/${kind}`)) return
    const message = `found ${quote(group === '' ? kind : `${group}/${kind}`)}; expected a Service (group "") or an HTTPRoute or GRPCRoute (group ${gatewayGroup})`
    yield { code: 'API_BAD_VALUE', message, path: ['kind'] }
  },
)

function duration(leastMs: number, mostMs: number): z.ZodType<number> {
  return checked(durationMs, function* (value) {
    if (value >= leastMs && value <= mostMs) return
    const message = `found ${value} ms; expected ${leastMs} to ${mostMs} ms`
    yield { code: 'API_BAD_VALUE', message }
  })
}

const percent = z.number().min(0).max(100)
const count = z.int().min(1).max(1_000_000)

const outlierDetection = checked(
  closed({
    consecutiveFailures: z.int().min(0).max(10_000).optional(),
    minSuccessPercent: percent.optional(),
    minRequests: count.optional(),
    interval: duration(1000, hourMs).optional(),
    ejection: duration(1, hourMs).optional(),
    maxEjection: duration(1, 24 * hourMs).optional(),
    maxEjectedPercent: percent.optional(),
  }),
  function* ({ consecutiveFailures, minSuccessPercent = 0, ejection, maxEjection }) {
    if (consecutiveFailures === 0 && minSuccessPercent === 0) {
      const message = 'both "consecutiveFailures" and "minSuccessPercent" are 0: nothing would be found out'
      yield { code: 'API_BAD_VALUE', message }
    }
    if (ejection === undefined || maxEjection === undefined || ejection <= maxEjection) return
    const message = `${maxEjection} ms at most are less than the ${ejection} ms of the first ejection`
    yield { code: 'API_BAD_VALUE', message, path: ['maxEjection'] }
  },
)

const limits = someField(
  closed({
    connections: count.optional(),
    requests: count.optional(),
    pending: z.int().min(0).max(1_000_000).optional(),
  }),
)

const locality = checked(
  closed({ prefer: z.enum(localities), failover: z.enum(localities).default('Anywhere') }),
  function* ({ prefer, failover }) {
    if (localities.indexOf(failover) >= localities.indexOf(prefer)) return
    const message = `found ${failover}, which is nearer than the ${prefer} that is preferred; expected ${prefer} (no failover) or farther`
    yield { code: 'API_BAD_VALUE', message, path: ['failover'] }
  },
)

const faultInjection = someField(
  closed({
    delay: closed({ duration: duration(1, minuteMs), percent: percent.default(100) }).optional(),
    abort: closed({ status: z.int().min(200).max(599), percent: percent.default(100) }).optional(),
  }),
)

const rateLimit = closed({
  requests: count,
  interval: duration(1, hourMs).default(1000),
  burst: count.optional(),
  per: z.enum(['Service', 'Identity']).default('Service'),
})

const hedging = closed({ delay: duration(1, minuteMs), maxAttempts: z.int().min(2).max(5).default(2) })

const partNames = ['outlierDetection', 'limits', 'locality', 'faultInjection', 'rateLimit', 'hedging']

const bareSpec = closed({
  targetRefs: checked(upTo(target, 16).min(1), repeatedTargets),
  outlierDetection: outlierDetection.optional(),
  limits: limits.optional(),
  locality: locality.optional(),
  faultInjection: faultInjection.optional(),
  rateLimit: rateLimit.optional(),
  hedging: hedging.optional(),
})
type RawSpec = z.output<typeof bareSpec>

const spec = checked(bareSpec, specFaults)

/** At least one of the fields has to be there. */
function someField<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape, z.core.$strict>): typeof schema {
  const names = Object.keys(schema.shape)
  return checked(schema, function* (value) {
    if (names.some((name) => Object.entries(value).some(([key, one]) => key === name && one !== undefined)))
      return
    yield { code: 'API_MISSING_FIELD', message: `says nothing; expected ${orList(names)}` }
  })
}

function orList(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(' or ')
}

function* specFaults(value: RawSpec): Generator<Fault> {
  const { outlierDetection: outliers, limits: bounds, locality: place } = value
  if (Object.entries(value).every(([name, one]) => !partNames.includes(name) || one === undefined))
    yield { code: 'API_MISSING_FIELD', message: `says nothing; expected ${orList(partNames)}` }
  const route = value.targetRefs.find(({ kind }) => kind !== 'Service')
  if (route === undefined) return
  for (const [name, one] of Object.entries({ outlierDetection: outliers, limits: bounds, locality: place })) {
    if (one === undefined) continue
    const message = `it is about the endpoints of a Service, and ${route.kind} ${quote(route.name)} is among the targets; write a TrafficPolicy for the Service`
    yield { code: 'API_BAD_VALUE', message, path: [name] }
  }
}

export const trafficPolicyV1alpha1: KindVersion = kindVersion({
  group: 'tulle.dev',
  version: 'v1alpha1',
  kind: 'TrafficPolicy',
  namespaced: true,
  spec,
  misplaced: {
    'spec.targetRef': 'write "targetRefs", a list',
    'spec.targetRefs.namespace': 'a policy is in the namespace of what it is attached to',
    'spec.retry': 'write "retry" into the rule of the HTTPRoute',
    'spec.retries': 'write "retry" into the rule of the HTTPRoute',
    'spec.timeout': 'write "timeouts" into the rule of the HTTPRoute',
    'spec.timeouts': 'write "timeouts" into the rule of the HTTPRoute',
    'spec.retryBudget': 'write an XBackendTrafficPolicy with "retryConstraint"',
    'spec.retryConstraint': 'write an XBackendTrafficPolicy',
    'spec.sessionPersistence': 'write it into the rule of the route, or an XBackendTrafficPolicy',
    'spec.circuitBreaker': 'write "limits", or "outlierDetection"',
    'spec.fault': 'write "faultInjection"',
    'spec.localityLbSetting': 'write "locality"',
    'spec.trafficDistribution': 'write it into the Service, or "locality"',
    'spec.locality.failoverPriority': 'nearer endpoints go first; write "failover" to say how far it may go',
    'spec.limits.maxConnections': 'write "connections"',
    'spec.limits.maxRequests': 'write "requests"',
    'spec.limits.maxPending': 'write "pending"',
    'spec.rateLimit.unit': 'write "interval", such as 1m',
  },
  toHub: policySpec,
})

function policySpec(raw: RawSpec): TrafficPolicySpec {
  const { outlierDetection: outliers, limits: bounds, faultInjection: fault, rateLimit: rate } = raw
  return defined({
    targetRefs: raw.targetRefs.map((ref) => defined(ref)),
    outlierDetection: outliers === undefined ? undefined : outlierSpec(outliers),
    limits: bounds === undefined ? undefined : defined(bounds),
    locality: raw.locality,
    faultInjection: fault === undefined ? undefined : faultSpec(fault),
    rateLimit: rate === undefined ? undefined : rateSpec(rate),
    hedging:
      raw.hedging === undefined
        ? undefined
        : { delayMs: raw.hedging.delay, maxAttempts: raw.hedging.maxAttempts },
  })
}

function outlierSpec(
  raw: z.output<typeof outlierDetection>,
): NonNullable<TrafficPolicySpec['outlierDetection']> {
  const { interval, ejection, maxEjection, ...same } = raw
  return defined({ ...same, intervalMs: interval, ejectionMs: ejection, maxEjectionMs: maxEjection })
}

function faultSpec({
  delay,
  abort,
}: z.output<typeof faultInjection>): NonNullable<TrafficPolicySpec['faultInjection']> {
  return defined({
    delay: delay === undefined ? undefined : { durationMs: delay.duration, percent: delay.percent },
    abort,
  })
}

/** Without a burst, what an interval has may come at once. */
function rateSpec({
  requests,
  interval,
  burst = requests,
  per,
}: z.output<typeof rateLimit>): NonNullable<TrafficPolicySpec['rateLimit']> {
  return { requests, intervalMs: interval, burst, per }
}
