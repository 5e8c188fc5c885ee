import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseManifests } from '@tulle/api'
import type { TrafficPolicyObject } from '@tulle/api'
import { resilienceOfPolicy } from '@tulle/gateway-api'
import type { Resilience } from '@tulle/traffic'
import { parseStaticConfig } from './static-config.ts'

const rules = 'rules: [{ name: all, backends: [{ cluster: app }] }]'

/** The line that a part of a cluster stands on, and where it begins there. */
const clusterLine = 3
const clusterColumn = '  - { name: app, '.length + 1

function withCluster(part: string): string {
  return `listeners: [{ name: web, port: 80, ${rules} }]\nclusters:\n  - { name: app, ${part} }\n`
}

function withRule(part: string): string {
  return `clusters: [{ name: app }]\nlisteners: [{ name: web, port: 80, rules: [{ backends: [{ cluster: app }], ${part} }] }]\n`
}

function ofCluster(part: string): Resilience | undefined {
  const parsed = parseStaticConfig(withCluster(part), 'w.yaml')
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.join('\n'))
  return parsed.value.clusters[0]?.resilience
}

function problemsOf(text: string): readonly string[] {
  const parsed = parseStaticConfig(text, 'w.yaml')
  return parsed.ok ? [] : parsed.error
}

/** The same words in the mesh. */
function policy(part: string): ReturnType<typeof parseManifests> {
  return parseManifests(
    `apiVersion: tulle.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: { name: a, namespace: b }\nspec: { targetRefs: [{ group: '', kind: Service, name: c }], ${part} }\n`,
    'p.yaml',
  )
}

const said = [
  'outlierDetection: {}',
  'outlierDetection: { consecutiveFailures: 0, minSuccessPercent: 80.5, minRequests: 7, interval: 1m30s }',
  'outlierDetection: { ejection: 10m, maxEjectedPercent: 10 }',
  'outlierDetection: { maxEjection: 20s }',
  'outlierDetection: { ejection: 1s, maxEjection: 1s }',
  'limits: { connections: 3 }',
  'limits: { requests: 2, pending: 0 }',
  'faultInjection: { delay: { duration: 250ms, percent: 0.0001 } }',
  'faultInjection: { abort: { status: 503 }, delay: { duration: 1m } }',
  'rateLimit: { requests: 10 }',
  'rateLimit: { requests: 10, interval: 1m, burst: 3, per: Service }',
  'hedging: { delay: 100ms }',
  'hedging: { delay: 1s, maxAttempts: 5 }',
  'limits: { connections: 1 }, rateLimit: { requests: 1 }, outlierDetection: { minRequests: 1 }',
]

/** What is refused, and where it is told. */
const refused: readonly (readonly [string, string, RegExp])[] = [
  ['outlierDetection: { consecutiveFailures: 0 }', '{', /nothing would be found out/u],
  ['outlierDetection: { ejection: 2m, maxEjection: 1m }', '1m }', /less than the 120000 ms/u],
  ['outlierDetection: { interval: 10ms }', '10ms', /expected 1000 to 3600000 ms/u],
  ['outlierDetection: { maxEjectedPercent: 101 }', '101', /100/u],
  ['limits: {}', '{', /expected "connections", "requests" or "pending"/u],
  ['limits: { maxConnections: 1 }', '{', /maxConnections/u],
  ['limits: { connections: 0 }', '0', />=1/u],
  ['faultInjection: {}', '{', /expected "delay" or "abort"/u],
  ['faultInjection: { abort: { status: 199 } }', '199', />=200/u],
  ['faultInjection: { delay: { duration: 2m } }', '2m', /expected 1 to 60000 ms/u],
  ['rateLimit: { interval: 1s }', '{', /requests/u],
  ['rateLimit: { requests: 1, unit: minute }', '{', /unit/u],
  ['hedging: { delay: 1s, maxAttempts: 1 }', '1 }', />=2/u],
]

describe('what clusters and rules of a file say of failures and load', () => {
  for (const part of said)
    it(`is what a TrafficPolicy says: ${part}`, () => {
      const { objects, problems } = policy(part)
      assert.deepEqual(problems, [])
      const [{ spec }] = objects as readonly [TrafficPolicyObject]
      assert.deepEqual(ofCluster(part), resilienceOfPolicy(spec))
    })

  for (const [part, at, message] of refused)
    it(`is refused as in a TrafficPolicy, with its place: ${part}`, () => {
      const inMesh = policy(part).problems
      assert.ok(inMesh.length > 0)
      const [problem = '', ...others] = problemsOf(withCluster(part))
      const column = clusterColumn + part.indexOf(at)
      assert.ok(problem.startsWith(`w.yaml:${clusterLine}:${column}: clusters.0.`), problem)
      assert.match(problem, message)
      assert.equal(1 + others.length, inMesh.length)
    })

  it('is nothing where nothing is said', () => {
    assert.equal(ofCluster('protocol: http1'), undefined)
  })

  it('has the budget of repeats that an XBackendTrafficPolicy has', () => {
    const [whole, rate] = [
      { percent: 20, windowMs: 10_000 },
      { percent: 5, windowMs: 60_000 },
    ]
    assert.deepEqual(ofCluster('retryConstraint: {}'), { retryBudget: { ...whole, minPerSecond: 10 } })
    assert.deepEqual(
      ofCluster(
        'retryConstraint: { budget: { percent: 5, interval: 1m }, minRetryRate: { count: 3, interval: 2s } }',
      ),
      { retryBudget: { ...rate, minPerSecond: 1.5 } },
    )
  })

  it('holds for a rule where it says it, but for what is about endpoints', () => {
    const parsed = parseStaticConfig(withRule('rateLimit: { requests: 2, interval: 10s }'), 'w.yaml')
    const routes = parsed.ok ? parsed.value.listeners[0]?.traffic.ports[0]?.producer : undefined
    assert.ok(routes?.kind === 'http')
    assert.deepEqual(routes.entries[0]?.rule.resilience, {
      rateLimit: { requestsPerSecond: 0.2, burst: 2, per: 'service' },
    })
    for (const part of ['limits: { connections: 1 }', 'outlierDetection: {}', 'retryConstraint: {}'])
      assert.match(problemsOf(withRule(part)).join('\n'), /^w\.yaml:2:44: .*[Uu]nrecognized key/u)
  })

  it('knows no identities', () => {
    const [problem = ''] = problemsOf(withCluster('rateLimit: { requests: 1, per: Identity }'))
    assert.match(problem, /^w\.yaml:3:49: clusters\.0\.rateLimit\.per: expected Service/u)
  })
})
