import type { CaseGroup, Manifest } from '../lib/case.ts'
import { exact, query, route, rule, service, to } from './manifests.ts'
import { again, answered, condition, faulty, refused } from './steps.ts'

const timeouts = (value: object): object => ({ timeouts: value })
const slow = (delayMs: number): { readonly backend: { readonly delaysMs: readonly number[] } } => ({
  backend: { delaysMs: [delayMs] },
})
/** Longer than anything waits for it, so that time that a busy machine takes changes nothing. */
const never = slow(60_000)
const retry = (value: object): object => ({ retry: value })
const cookie = (more: object = {}): object => ({
  sessionPersistence: { sessionName: 'stay', type: 'Cookie', ...more },
})
const spread = { backendRefs: [to('app-b', { weight: 1 }), to('app-c', { weight: 1 })] }

function trafficPolicy(spec: object): Manifest {
  return {
    apiVersion: 'gateway.networking.x-k8s.io/v1alpha1',
    kind: 'XBackendTrafficPolicy',
    metadata: { name: 'policy', namespace: 'mesh' },
    spec: { targetRefs: [{ group: '', kind: 'Service', name: 'app-b' }], ...spec },
  }
}

/** One retry each `interval`, whatever the number of requests. */
function budget(interval: string): readonly Manifest[] {
  return [
    trafficPolicy({
      retryConstraint: {
        budget: { percent: 0, interval: '10s' },
        minRetryRate: { count: 1, interval },
      },
    }),
    route({ rules: [rule([], 'app-b', retry({ attempts: 3, codes: [500], backoff: '10ms' }))] }),
  ]
}

/** What happens when backends are slow or fail, and which backend one keeps. */
export const resilienceCases: CaseGroup = [
  {
    id: 'timeouts/request',
    proves: 'A request that takes longer than timeouts.request is answered with 504; a faster one is not',
    spec: 'GEP-1742; HTTPRouteTimeouts.request',
    manifests: [route({ rules: [rule([], 'app-b', timeouts({ request: '1500ms' }))] })],
    steps: [
      answered({}, 'app-b'),
      refused(never, 504),
      refused({ ...never, protocol: 'http2' }, 504),
      answered(slow(1), 'app-b'),
    ],
  },
  {
    id: 'timeouts/backend-request',
    proves: 'A try that takes longer than timeouts.backendRequest is answered with 504',
    spec: 'GEP-1742; HTTPRouteTimeouts.backendRequest',
    manifests: [
      route({ rules: [rule([], 'app-b', timeouts({ request: '10s', backendRequest: '1500ms' }))] }),
    ],
    steps: [refused(never, 504), answered({}, 'app-b')],
  },
  {
    id: 'timeouts/off',
    proves: '0s switches a timeout off',
    spec: 'GEP-1742; GEP-2257',
    manifests: [route({ rules: [rule([], 'app-b', timeouts({ request: '0s' }))] })],
    steps: [answered(slow(800), 'app-b')],
  },
  {
    id: 'timeouts/cover-retries',
    proves:
      'timeouts.request covers all tries together: when it passes the answer is 504 at once, and no try follows',
    spec: 'GEP-1742; GEP-1731',
    manifests: [
      route({
        rules: [
          rule([], 'app-b', {
            ...timeouts({ request: '3s', backendRequest: '3s' }),
            ...retry({ attempts: 10, codes: [503], backoff: '100ms' }),
          }),
        ],
      }),
    ],
    steps: [
      // Either try alone has time enough, however late they are, and both together never have.
      refused({ backend: { delaysMs: [400, 2800], statuses: [503] } }, 504, {
        deliveries: { 'mesh/app-b': 2 },
      }),
    ],
  },
  {
    id: 'timeouts/refused-values',
    proves: 'backendRequest above request, and durations outside of the grammar, are refused',
    spec: 'GEP-1742; GEP-2257',
    steps: [
      faulty(route({ rules: [rule([], 'app-b', timeouts({ request: '1s', backendRequest: '2s' }))] })),
      ...['1.5s', '-1s', '1', '1d', 's', '1s1s1s1s1s'].map((value) =>
        faulty(route({ rules: [rule([], 'app-b', timeouts({ request: value }))] })),
      ),
    ],
  },
  {
    id: 'retries/codes',
    proves:
      'A status among retry.codes is tried again and the caller sees the good answer; 500, 502, 503 and 504 can be named',
    spec: 'GEP-1731; HTTPRouteRetry.codes',
    manifests: [
      route({
        rules: [rule([], 'app-b', retry({ attempts: 1, codes: [500, 502, 503, 504], backoff: '10ms' }))],
      }),
    ],
    steps: [500, 502, 503, 504].map((code) =>
      answered({ backend: { statuses: [code, 200] } }, 'app-b', { deliveries: { 'mesh/app-b': 2 } }),
    ),
  },
  {
    id: 'retries/attempts',
    proves: 'attempts counts what follows the first try; after the last one the caller sees its answer',
    spec: 'GEP-1731; HTTPRouteRetry.attempts',
    manifests: [route({ rules: [rule([], 'app-b', retry({ attempts: 2, codes: [503], backoff: '10ms' }))] })],
    steps: [
      answered({ backend: { statuses: [503] } }, 'app-b', { status: 503, deliveries: { 'mesh/app-b': 3 } }),
      answered({ backend: { statuses: [503, 503, 200] } }, 'app-b', { deliveries: { 'mesh/app-b': 3 } }),
    ],
  },
  {
    id: 'retries/other-codes',
    proves: 'A status that is not named is answered as it came, after one try',
    spec: 'GEP-1731; HTTPRouteRetry.codes',
    manifests: [route({ rules: [rule([], 'app-b', retry({ attempts: 3, codes: [503] }))] })],
    steps: [
      answered({ backend: { statuses: [500, 200] } }, 'app-b', {
        status: 500,
        deliveries: { 'mesh/app-b': 1 },
      }),
    ],
  },
  {
    id: 'retries/connection-errors',
    proves: 'A connection that ends without an answer is tried again',
    spec: 'GEP-1731',
    manifests: [route({ rules: [rule([], 'app-b', retry({ attempts: 1, backoff: '10ms' }))] })],
    steps: [
      answered({ backend: { statuses: ['close', 200] } }, 'app-b', { deliveries: { 'mesh/app-b': 2 } }),
    ],
  },
  {
    id: 'retries/body-again',
    proves: 'Every try gets the whole body',
    spec: 'GEP-1731',
    manifests: [route({ rules: [rule([], 'app-b', retry({ attempts: 2, codes: [503], backoff: '10ms' }))] })],
    steps: [
      answered({ method: 'PUT', body: 'the whole body', backend: { statuses: [503, 200] } }, 'app-b', {
        body: 'the whole body',
        deliveries: { 'mesh/app-b': 2 },
      }),
    ],
  },
  {
    id: 'retries/none-without-rule',
    proves: 'Without a retry in the rule a status is answered as it came, after one try',
    spec: 'GEP-1731',
    manifests: [route({ rules: [rule([], 'app-b')] })],
    steps: [
      answered({ backend: { statuses: [503, 200] } }, 'app-b', {
        status: 503,
        deliveries: { 'mesh/app-b': 1 },
      }),
    ],
  },
  {
    id: 'retries/refused-values',
    proves: 'Codes outside of 400 to 599, codes twice and attempts below 1 are refused',
    spec: 'GEP-1731, CRD rules of v1.6',
    steps: [
      faulty(route({ rules: [rule([], 'app-b', retry({ codes: [399] }))] })),
      faulty(route({ rules: [rule([], 'app-b', retry({ codes: [600] }))] })),
      faulty(route({ rules: [rule([], 'app-b', retry({ codes: [503, 503] }))] })),
      faulty(route({ rules: [rule([], 'app-b', retry({ attempts: 0 }))] })),
    ],
  },
  {
    id: 'retries/budget',
    proves:
      'When the retry budget of a Service is used up, a request that would be tried again is answered with 503',
    spec: 'GEP-3388; XBackendTrafficPolicy.retryConstraint',
    manifests: budget('5s'),
    steps: [
      {
        kind: 'request',
        ask: { backend: { statuses: [500] } },
        expect: { status: 503, by: null, deliveries: { 'mesh/app-b': 2 } },
      },
    ],
  },
  {
    id: 'retries/budget-slow-rate',
    proves: 'A minimum of one retry in ten seconds allows one',
    spec: 'GEP-3388; XBackendTrafficPolicy.retryConstraint.minRetryRate',
    manifests: budget('10s'),
    steps: [answered({ backend: { statuses: [500, 200] } }, 'app-b', { deliveries: { 'mesh/app-b': 2 } })],
  },
  {
    id: 'sessions/cookie',
    proves:
      'A caller that sends the cookie of its first answer stays with that backend, whatever the weights',
    spec: 'GEP-1619; SessionPersistence Cookie',
    manifests: [route({ rules: [{ ...spread, ...cookie() }] })],
    steps: [
      { ...answered({}, ['app-b', 'app-c']), keep: { header: 'set-cookie', as: 'first' } },
      again(answered({ session: 'first' }, 'same as first'), 12),
    ],
  },
  {
    id: 'sessions/header',
    proves: 'A caller that sends the session header of its first answer stays with that backend',
    spec: 'GEP-1619; SessionPersistence Header',
    manifests: [
      route({ rules: [{ ...spread, sessionPersistence: { sessionName: 'x-stay', type: 'Header' } }] }),
    ],
    steps: [
      { ...answered({}, ['app-b', 'app-c']), keep: { header: 'x-stay', as: 'first' } },
      again(answered({ session: 'first' }, 'same as first'), 12),
    ],
  },
  {
    id: 'sessions/beat-weights',
    proves: 'A live session keeps its backend even when that gets weight 0',
    spec: 'GEP-1619, weights',
    manifests: [
      route({
        rules: [{ backendRefs: [to('app-b', { weight: 1 }), to('app-c', { weight: 0 })], ...cookie() }],
      }),
    ],
    steps: [
      { ...answered({}, 'app-b'), keep: { header: 'set-cookie', as: 'first' } },
      {
        kind: 'apply',
        manifests: [
          route({
            rules: [{ backendRefs: [to('app-b', { weight: 0 }), to('app-c', { weight: 1 })], ...cookie() }],
          }),
        ],
      },
      again(answered({ session: 'first' }, 'same as first'), 5),
      again(answered({}, 'app-c'), 3),
    ],
  },
  {
    id: 'sessions/endpoints',
    proves: 'A session is with one endpoint, not with a Service that has several',
    spec: 'GEP-1619',
    manifests: [route({ rules: [{ backendRefs: [to('app-svc')], ...cookie() }] })],
    steps: [
      { ...answered({}, ['app-b', 'app-c']), keep: { header: 'set-cookie', as: 'first' } },
      again(answered({ session: 'first' }, 'same as first'), 12),
    ],
  },
  {
    id: 'sessions/forged',
    proves: 'A cookie that the mesh did not give decides nothing and harms nothing',
    spec: 'GEP-1619, security',
    manifests: [route({ rules: [{ backendRefs: [to('app-b')], ...cookie() }] })],
    steps: [
      answered({ headers: { cookie: 'stay=10.0.0.1:80' } }, 'app-b'),
      answered({ headers: { cookie: `stay=${'A'.repeat(2000)}; other=1` } }, 'app-b'),
    ],
  },
  {
    id: 'sessions/cookie-scope',
    proves: 'Two rules do not share a session: that of one says nothing to the other',
    spec: 'GEP-1619, API granularity',
    manifests: [
      route({
        rules: [
          { matches: [exact('/one')], backendRefs: [to('app-b')], ...cookie({ sessionName: 'one' }) },
          { matches: [exact('/two')], backendRefs: [to('app-c')], ...cookie({ sessionName: 'two' }) },
        ],
      }),
    ],
    steps: [
      { ...answered({ path: '/one' }, 'app-b'), keep: { header: 'set-cookie', as: 'first' } },
      answered({ path: '/two', session: 'first' }, 'app-c'),
    ],
  },
  {
    id: 'sessions/policy-of-a-service',
    proves: "A session of XBackendTrafficPolicy is kept for its Service; a rule's own goes before it",
    spec: 'GEP-1619; XBackendTrafficPolicy.sessionPersistence',
    manifests: [
      service('pair', { selector: { group: 'svc' } }),
      {
        ...trafficPolicy({ sessionPersistence: { sessionName: 'of-policy', type: 'Header' } }),
        spec: {
          targetRefs: [{ group: '', kind: 'Service', name: 'pair' }],
          sessionPersistence: { sessionName: 'of-policy', type: 'Header' },
        },
      },
      route({
        rules: [
          rule([exact('/policy')], 'pair'),
          rule([query('own', '1')], 'pair', {
            sessionPersistence: { sessionName: 'of-rule', type: 'Header' },
          }),
        ],
      }),
    ],
    steps: [
      { ...answered({ path: '/policy' }, ['app-b', 'app-c']), keep: { header: 'of-policy', as: 'policy' } },
      again(answered({ path: '/policy', session: 'policy' }, 'same as policy'), 10),
      {
        ...answered({ path: '/?own=1' }, ['app-b', 'app-c'], { headers: { 'of-policy': null } }),
        keep: { header: 'of-rule', as: 'rule' },
      },
      again(answered({ path: '/?own=1', session: 'rule' }, 'same as rule'), 10),
    ],
  },
  {
    id: 'policies/oldest-holds',
    proves: 'Of several policies of one Service the oldest holds, and the others are Conflicted',
    spec: 'GEP-713, conflicts',
    manifests: [
      {
        ...trafficPolicy({ sessionPersistence: { sessionName: 'x-new', type: 'Header' } }),
        metadata: { name: 'newer', namespace: 'mesh', creationTimestamp: '2025-01-01T00:00:00Z' },
      },
      {
        ...trafficPolicy({ sessionPersistence: { sessionName: 'x-old', type: 'Header' } }),
        metadata: { name: 'older', namespace: 'mesh', creationTimestamp: '2024-01-01T00:00:00Z' },
      },
      route({ rules: [rule([], 'app-b')] }),
    ],
    steps: [
      condition('XBackendTrafficPolicy mesh/older', { Accepted: 'True' }),
      condition('XBackendTrafficPolicy mesh/newer', { Accepted: 'False Conflicted' }),
      { ...answered({}, 'app-b', { headers: { 'x-new': null } }), keep: { header: 'x-old', as: 'old' } },
      answered({ session: 'old' }, 'same as old'),
    ],
  },
]
