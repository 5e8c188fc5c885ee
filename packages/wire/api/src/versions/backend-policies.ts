import { z } from 'zod'
import { defined } from '@tulle/core'
import { gatewayExperimentalGroup, gatewayGroup } from '../gateway-kinds.ts'
import type { BackendTlsPolicySpec, BackendTrafficPolicySpec } from '../gateway-kinds.ts'
import {
  durationMs,
  formedText,
  policyTarget,
  repeatedTargets,
  sessionPersistence,
  upTo,
  wildcardHostname,
} from '../gateway-shapes.ts'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { checked, closed, dnsName, quote } from '../shapes.ts'
import type { Fault } from '../shapes.ts'

const targets = checked(
  upTo(closed({ ...policyTarget.shape, sectionName: dnsName.optional() }), 16).min(1),
  repeatedTargets,
)

const subjectAltName = checked(
  closed({
    type: z.enum(['Hostname', 'URI']),
    hostname: wildcardHostname.optional(),
    uri: formedText({
      what: 'a URI',
      pattern: /^[^:/?#]+:\/\/[^/?#]*[^?#]*(\?[^#]*)?(#.*)?$/u,
      expected: 'a URI such as spiffe://cluster.local/ns/bookstore/sa/books',
    }).optional(),
  }),
  function* (name) {
    const [own, other] =
      name.type === 'Hostname' ? (['hostname', 'uri'] as const) : (['uri', 'hostname'] as const)
    if (name[own] === undefined)
      yield { code: 'API_MISSING_FIELD', message: `missing; the type is ${name.type}`, path: [own] }
    if (name[other] !== undefined) {
      const message = `the type is ${name.type}, which takes ${quote(own)}`
      yield { code: 'API_BAD_VALUE', message, path: [other] }
    }
  },
)

/** @see PreciseHostname of the Gateway API; RFC 6066 §3 has no addresses either */
function* addressFault(name: string): Generator<Fault> {
  if (!/^[0-9.]+$/u.test(name)) return
  yield { code: 'API_BAD_VALUE', message: `found ${quote(name)}; expected a hostname, not an address` }
}

const validation = checked(
  closed({
    caCertificateRefs: upTo(policyTarget, 8).default([]),
    wellKnownCACertificates: formedText({
      what: 'a set of certificates',
      pattern: /^(System|[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])$/u,
      expected: 'System',
    }).optional(),
    hostname: checked(dnsName, addressFault),
    subjectAltNames: upTo(subjectAltName, 5).default([]),
  }),
  function* ({ caCertificateRefs, wellKnownCACertificates }) {
    if (caCertificateRefs.length > 0 === (wellKnownCACertificates !== undefined)) {
      const message = 'expected either "caCertificateRefs" or "wellKnownCACertificates"'
      yield { code: 'API_BAD_VALUE', message }
    }
  },
)

const tlsSpec = closed({
  targetRefs: targets,
  validation,
  options: z.record(z.string(), z.string()).optional(),
})

function backendTlsPolicy(version: string): KindVersion {
  return kindVersion({
    group: gatewayGroup,
    version,
    kind: 'BackendTLSPolicy',
    namespaced: true,
    spec: tlsSpec,
    misplaced: { 'spec.targetRef': 'write "targetRefs", a list' },
    toHub: tlsPolicySpec,
  })
}

export const backendTlsPolicyV1: KindVersion = backendTlsPolicy('v1')
export const backendTlsPolicyV1alpha3: KindVersion = backendTlsPolicy('v1alpha3')

function tlsPolicySpec(raw: z.output<typeof tlsSpec>): BackendTlsPolicySpec {
  const { hostname, caCertificateRefs, wellKnownCACertificates, subjectAltNames } = raw.validation
  return defined({
    targetRefs: raw.targetRefs.map((ref) => defined(ref)),
    hostname,
    caCertificateRefs,
    wellKnownCaCertificates: wellKnownCACertificates,
    subjectAltNames: subjectAltNames.map(({ type, hostname: host, uri }) => ({
      type,
      value: host ?? uri ?? '',
    })),
  })
}

const hourMs = 3_600_000

function interval(minMs: number): z.ZodType<number> {
  return checked(durationMs, function* (value) {
    if (value >= minMs && value <= hourMs) return
    const least = minMs === 1 ? 'more than nothing' : 'at least one second'
    yield { code: 'API_BAD_VALUE', message: `found ${value} ms; expected ${least} and at most one hour` }
  })
}

const trafficSpec = closed({
  targetRefs: checked(upTo(policyTarget, 16).min(1), repeatedTargets),
  retryConstraint: closed({
    budget: closed({
      percent: z.int().min(0).max(100).default(20),
      interval: interval(1000).default(10_000),
    }).prefault({}),
    minRetryRate: closed({
      count: z.int().min(1).max(1_000_000).default(10),
      interval: interval(1).default(1000),
    }).prefault({}),
  }).optional(),
  sessionPersistence: sessionPersistence.optional(),
})

export const backendTrafficPolicyV1alpha1: KindVersion = kindVersion({
  group: gatewayExperimentalGroup,
  version: 'v1alpha1',
  kind: 'XBackendTrafficPolicy',
  namespaced: true,
  spec: trafficSpec,
  misplaced: {
    'spec.targetRef': 'write "targetRefs", a list',
    'spec.targetRefs.sectionName': 'it holds for a whole Service, not for one of its ports',
    'spec.retry': 'write "retryConstraint"',
  },
  toHub: trafficPolicySpec,
})

function trafficPolicySpec(raw: z.output<typeof trafficSpec>): BackendTrafficPolicySpec {
  const { retryConstraint: retry, sessionPersistence: session } = raw
  return defined({
    targetRefs: raw.targetRefs,
    retryConstraint:
      retry === undefined
        ? undefined
        : {
            percent: retry.budget.percent,
            intervalMs: retry.budget.interval,
            minRetries: { count: retry.minRetryRate.count, intervalMs: retry.minRetryRate.interval },
          },
    sessionPersistence: session,
  })
}
