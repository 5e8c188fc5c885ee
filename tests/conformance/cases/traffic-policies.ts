import type { Ask, CaseGroup, Manifest } from '../lib/case.ts'
import { prefix, route, rule } from './manifests.ts'
import { again, answered, both, condition, faulty, refused } from './steps.ts'

const serviceRef = (name: string, more: object = {}): object => ({
  group: '',
  kind: 'Service',
  name,
  ...more,
})
const routeRef = (name: string, more: object = {}): object => ({
  group: 'gateway.networking.k8s.io',
  kind: 'HTTPRoute',
  name,
  ...more,
})

function policy(
  targets: readonly object[],
  spec: object,
  { name = 'policy', created }: { readonly name?: string; readonly created?: string } = {},
): Manifest {
  return {
    apiVersion: 'tulle.dev/v1alpha1',
    kind: 'TrafficPolicy',
    metadata: { name, namespace: 'mesh', ...(created === undefined ? {} : { creationTimestamp: created }) },
    spec: { targetRefs: targets, ...spec },
  }
}

const toB: Ask = { to: 'app-b' }
const toC: Ask = { to: 'app-c' }
const toBFromD: Ask = { to: 'app-b.mesh', from: 'consumer/app-d' }
const abort = (status: number, percent: number = 100): object => ({
  faultInjection: { abort: { status, percent } },
})
/** So slow that nothing comes back within a case. */
const rate = (burst: number, per: 'Service' | 'Identity'): object => ({
  rateLimit: { requests: 1, interval: '1h', burst, per },
})
const spec = 'docs/reference/traffic.md; GEP-713'

/** The kind of the mesh's own, for what the Gateway API has no words for. */
export const trafficPolicyCases: CaseGroup = [
  {
    id: 'traffic-policies/abort',
    proves:
      'A policy of a Service answers the requests to it, and to no other, with the status that it injects',
    spec,
    manifests: [policy([serviceRef('app-b')], abort(418))],
    steps: [
      again(refused(toB, 418, { deliveries: { 'mesh/app-b': 0 } }), 3),
      refused({ ...toB, protocol: 'http2' }, 418),
      answered(toC, 'app-c'),
    ],
  },
  {
    id: 'traffic-policies/abort-share',
    proves: 'percent is the share of requests that a fault is injected into',
    spec,
    manifests: [policy([serviceRef('app-b')], abort(503, 30))],
    steps: [{ kind: 'share', ask: toB, atLeast: 400, shares: { '503 mesh': 0.3, '200 mesh/app-b': 0.7 } }],
  },
  {
    id: 'traffic-policies/delay',
    proves: 'An injected delay comes before the first try and counts against the time of the request',
    spec: `${spec}; GEP-1742`,
    manifests: [
      route({ rules: [rule([], 'app-b', { timeouts: { request: '400ms' } })] }),
      policy([routeRef('route')], { faultInjection: { delay: { duration: '5s' } } }),
    ],
    steps: [refused({}, 504, { deliveries: { 'mesh/app-b': 0 } })],
  },
  {
    id: 'traffic-policies/rule',
    proves: "A rule's policy goes before that of its route, and that before the Service's",
    spec,
    manifests: [
      route({
        rules: [
          rule([prefix('/rule')], 'app-b', { name: 'first' }),
          rule([prefix('/route')], 'app-b', { name: 'second' }),
        ],
      }),
      policy([serviceRef('app-b')], abort(501), { name: 'of-service' }),
      policy([routeRef('route')], abort(502), { name: 'of-route' }),
      policy([routeRef('route', { sectionName: 'first' })], abort(503), { name: 'of-rule' }),
    ],
    steps: [
      refused({ path: '/rule' }, 503),
      refused({ path: '/route' }, 502),
      refused(toB, 501),
      answered(toC, 'app-c'),
    ],
  },
  {
    id: 'traffic-policies/port',
    proves: "A port's policy holds on that port instead of the Service's",
    spec,
    manifests: [
      policy([serviceRef('app-b')], abort(501), { name: 'of-service' }),
      policy([serviceRef('app-b', { sectionName: 'http-alt' })], abort(503), { name: 'of-port' }),
    ],
    steps: [refused({ to: 'app-b:80' }, 501), refused({ to: 'app-b:8080' }, 503)],
  },
  {
    id: 'traffic-policies/rate-per-identity',
    proves:
      'With a rate per identity each caller has its own: beyond it the answer is 429, and others are answered',
    spec,
    manifests: [policy([serviceRef('app-b')], rate(3, 'Identity'))],
    steps: [
      again(answered(toB, 'app-b'), 3),
      again(refused(toB, 429, { deliveries: { 'mesh/app-b': 0 } }), 3),
      again(answered(toBFromD, 'app-b'), 3),
      refused(toBFromD, 429),
    ],
  },
  {
    id: 'traffic-policies/rate-per-service',
    proves: 'A rate of a Service is one for all of its callers',
    spec,
    manifests: [policy([serviceRef('app-b')], rate(3, 'Service'))],
    steps: [
      again(answered(toB, 'app-b'), 2),
      answered(toBFromD, 'app-b'),
      refused(toBFromD, 429),
      refused(toB, 429),
    ],
  },
  {
    id: 'traffic-policies/rate-of-consumers',
    proves: "A consumer's policy lifts no rate that the Service's owner has set",
    spec,
    manifests: [
      policy([serviceRef('app-b')], rate(2, 'Identity')),
      route({
        namespace: 'consumer',
        parents: [{ group: '', kind: 'Service', name: 'app-b', namespace: 'mesh' }],
        rules: [{ backendRefs: [{ name: 'app-b', namespace: 'mesh', port: 80 }] }],
      }),
      {
        apiVersion: 'tulle.dev/v1alpha1',
        kind: 'TrafficPolicy',
        metadata: { name: 'more', namespace: 'consumer' },
        spec: { targetRefs: [routeRef('route')], rateLimit: { requests: 1000 } },
      },
    ],
    steps: [again(answered(toBFromD, 'app-b'), 2), refused(toBFromD, 429)],
  },
  {
    id: 'traffic-policies/outliers',
    proves: 'An endpoint that fails so many times in a row gets no more requests; the last one stays',
    spec,
    manifests: [
      policy([serviceRef('app-svc')], {
        outlierDetection: { consecutiveFailures: 3, ejection: '1h', maxEjection: '1h' },
      }),
    ],
    steps: [
      {
        kind: 'share',
        ask: { backend: { statuses: [503] } },
        atLeast: 40,
        shares: { '503 mesh/app-b': 'some', '503 mesh/app-c': 'some' },
      },
      {
        ...answered({ backend: { headers: [['x-who', 'left']] } }, both),
        keep: { header: 'x-who', as: 'left' },
      },
      again(answered({}, 'same as left'), 30),
    ],
  },
  {
    id: 'traffic-policies/limit-of-requests',
    proves: 'Requests beyond those that may be under way are answered 503 at once; the others are answered',
    spec,
    manifests: [policy([serviceRef('app-b')], { limits: { requests: 1 } })],
    steps: [
      answered(toB, 'app-b'),
      {
        kind: 'share',
        ask: { ...toB, backend: { delaysMs: [100] } },
        atLeast: 40,
        connections: 8,
        shares: { '200 mesh/app-b': 'some', '503 mesh': 'some' },
      },
      answered(toB, 'app-b'),
    ],
  },
  {
    id: 'traffic-policies/limit-of-pending',
    proves: 'Where no request may wait for a connection, one that needs a new one is answered 503',
    spec,
    manifests: [policy([serviceRef('app-b')], { limits: { pending: 0 } })],
    steps: [again(refused(toB, 503, { deliveries: { 'mesh/app-b': 0 } }), 2), answered(toC, 'app-c')],
  },
  {
    id: 'traffic-policies/hedging',
    proves:
      'A safe request that is not answered in time goes to another endpoint too; any other goes out once',
    spec,
    manifests: [policy([serviceRef('app-svc')], { hedging: { delay: '50ms' } })],
    steps: [
      answered({ backend: { delaysMs: [2000] } }, both, {
        deliveries: { 'mesh/app-b+mesh/app-c': 2, 'mesh/app-b': 1, 'mesh/app-c': 1 },
      }),
      answered({ method: 'POST', body: 'once', backend: { delaysMs: [600] } }, both, {
        deliveries: { 'mesh/app-b+mesh/app-c': 1 },
      }),
    ],
  },
  {
    id: 'traffic-policies/oldest',
    proves: 'Of two policies of one Service the older holds, and the other says Conflicted',
    spec,
    manifests: [
      policy([serviceRef('app-b')], abort(501), { name: 'young', created: '2026-02-01T00:00:00Z' }),
      policy([serviceRef('app-b')], abort(502), { name: 'old', created: '2026-01-01T00:00:00Z' }),
    ],
    steps: [
      refused(toB, 502),
      condition('TrafficPolicy mesh/old', { Accepted: 'True', Conflicted: 'False' }),
      condition('TrafficPolicy mesh/young', { Accepted: 'False Conflicted', Conflicted: 'True' }),
    ],
  },
  {
    id: 'traffic-policies/target-not-found',
    proves: 'What a policy names and is not there is said of that target alone',
    spec,
    manifests: [
      policy(
        [serviceRef('app-b'), serviceRef('nobody'), serviceRef('app-c', { sectionName: 'none' })],
        abort(418),
      ),
    ],
    steps: [
      refused(toB, 418),
      answered(toC, 'app-c'),
      condition('TrafficPolicy mesh/policy', { Accepted: 'True' }, 0),
      condition('TrafficPolicy mesh/policy', { Accepted: 'False TargetNotFound' }, 1),
      condition('TrafficPolicy mesh/policy', { Accepted: 'False TargetNotFound' }, 2),
    ],
  },
  {
    id: 'traffic-policies/refused-values',
    proves:
      'A policy that says nothing, is of no kind that carries requests, or limits the endpoints of a route is refused',
    spec,
    steps: [
      faulty(policy([serviceRef('app-b')], {})),
      faulty(policy([{ group: '', kind: 'Pod', name: 'app-b' }], abort(418))),
      faulty(policy([routeRef('route')], { limits: { requests: 1 } })),
      faulty(policy([serviceRef('app-b')], abort(418, 101))),
      faulty(policy([serviceRef('app-b')], { hedging: { delay: '1.5s' } })),
    ],
  },
]
