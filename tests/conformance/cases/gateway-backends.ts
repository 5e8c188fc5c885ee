import type { CaseGroup } from '../lib/case.ts'
import { filter, named, route, rule, service, to } from './manifests.ts'
import { again, answered, both, condition, refused } from './steps.ts'

const spec = 'HTTPBackendRef'
const shares = (b: number, c: number): Readonly<Record<string, number>> => ({
  '200 mesh/app-b': b,
  '200 mesh/app-c': c,
})
const weights = (...refs: readonly object[]): object => ({ backendRefs: refs })
const http = (appProtocol: string): readonly object[] => [
  { name: 'web', port: 80, targetPort: 8080, appProtocol },
]

/** Who answers, and what happens when nobody can. */
export const backendCases: CaseGroup = [
  {
    id: 'backends/weights',
    proves:
      'Requests are spread by weight over sum, request by request on one connection too, within what chance explains',
    spec: `${spec}.weight; MeshHTTPRouteWeight`,
    manifests: [route({ rules: [weights(to('app-b', { weight: 70 }), to('app-c', { weight: 30 }))] })],
    steps: [
      { kind: 'share', ask: {}, atLeast: 500, shares: shares(0.7, 0.3) },
      { kind: 'share', ask: {}, atLeast: 500, connections: 1, shares: shares(0.7, 0.3) },
      { kind: 'share', ask: { protocol: 'http2' }, atLeast: 500, connections: 1, shares: shares(0.7, 0.3) },
    ],
  },
  {
    id: 'backends/weight-default',
    proves: 'A backend without a weight has 1',
    spec: `${spec}.weight`,
    manifests: [route({ rules: [weights(to('app-b'), to('app-c', { weight: 3 }))] })],
    steps: [{ kind: 'share', ask: {}, atLeast: 400, shares: shares(0.25, 0.75) }],
  },
  {
    id: 'backends/weight-zero',
    proves: 'A backend of weight 0 gets nothing, and a single one with any weight gets all',
    spec: `${spec}.weight`,
    manifests: [route({ rules: [weights(to('app-b', { weight: 0 }), to('app-c', { weight: 7 }))] })],
    steps: [{ kind: 'share', ask: {}, atLeast: 100, shares: shares(0, 1) }],
  },
  {
    id: 'backends/missing-of-weight-zero',
    proves: 'A backend that does not exist and has weight 0 changes no share',
    spec: `${spec}; MeshGRPCRouteWeight`,
    manifests: [
      route({
        rules: [
          weights(to('app-b', { weight: 7 }), to('app-c', { weight: 3 }), to('nowhere', { weight: 0 })),
        ],
      }),
    ],
    steps: [{ kind: 'share', ask: {}, atLeast: 300, shares: shares(0.7, 0.3) }],
  },
  {
    id: 'backends/all-weights-zero',
    proves: 'With every weight 0 the answer is 500',
    spec: `${spec}.weight`,
    manifests: [route({ rules: [weights(to('app-b', { weight: 0 }), to('app-c', { weight: 0 }))] })],
    steps: [again(refused({}, 500), 3)],
  },
  {
    id: 'backends/all-invalid',
    proves: 'A rule whose only backend does not exist answers 500 and says BackendNotFound',
    spec: `HTTPRouteRule.backendRefs`,
    manifests: [route({ rules: [weights(to('nowhere'))] })],
    steps: [
      again(refused({}, 500), 3),
      condition('HTTPRoute mesh/route', { Accepted: 'True', ResolvedRefs: 'False BackendNotFound' }),
    ],
  },
  {
    id: 'backends/one-invalid-keeps-its-share',
    proves: 'One backend of several that does not exist has its share answered with 500',
    spec: `HTTPRouteRule.backendRefs`,
    manifests: [route({ rules: [weights(to('app-b', { weight: 1 }), to('nowhere', { weight: 1 }))] })],
    steps: [{ kind: 'share', ask: {}, atLeast: 300, shares: { '200 mesh/app-b': 0.5, '500 mesh': 0.5 } }],
  },
  {
    id: 'backends/port-that-is-not-there',
    proves: 'A backend whose Service lacks the port is not there',
    spec: `${spec}.port`,
    manifests: [route({ rules: [weights(to('app-b', { port: 81 }))] })],
    steps: [
      again(refused({}, 500), 3),
      condition('HTTPRoute mesh/route', { ResolvedRefs: 'False BackendNotFound' }),
    ],
  },
  {
    id: 'backends/invalid-kind',
    proves: 'A backend that is no Service says InvalidKind and is answered with 500',
    spec: `${spec}; RouteReasonInvalidKind`,
    manifests: [route({ rules: [weights(to('app-b', { group: 'example.org', kind: 'Bucket' }))] })],
    steps: [
      again(refused({}, 500), 3),
      condition('HTTPRoute mesh/route', { ResolvedRefs: 'False InvalidKind' }),
    ],
  },
  {
    id: 'backends/no-endpoints',
    proves: 'A Service without a ready endpoint is answered with 503, for its share',
    spec: 'HTTPRouteRule.backendRefs, GEP-1294',
    manifests: [
      service('nobody', { selector: { app: 'nobody' } }),
      route({ rules: [weights(to('app-b', { weight: 1 }), to('nobody', { weight: 1 }))] }),
    ],
    steps: [{ kind: 'share', ask: {}, atLeast: 300, shares: { '200 mesh/app-b': 0.5, '503 mesh': 0.5 } }],
  },
  {
    id: 'backends/no-backends',
    proves: 'A rule without backends and without a filter that answers gives 500',
    spec: 'HTTPRouteRule.backendRefs',
    manifests: [route({ rules: [{ matches: [{ path: { type: 'Exact', value: '/none' } }] }] })],
    steps: [again(refused({ path: '/none' }, 500), 2)],
  },
  {
    id: 'backends/target-port',
    proves: "A backend is reached at the target port of its Service's port",
    spec: `${spec}.port`,
    manifests: [route({ rules: [weights(to('app-b', { port: 9091 }))] })],
    steps: [again(answered({}, 'app-b'), 3)],
  },
  {
    id: 'backends/h2c',
    proves: 'A backend whose port says kubernetes.io/h2c gets HTTP/2, whatever the caller speaks',
    spec: 'GEP-1911',
    manifests: [
      service('h2c', { selector: { app: 'app-b' }, ports: http('kubernetes.io/h2c') }),
      route({ rules: [weights(to('h2c'))] }),
    ],
    steps: [
      answered({}, 'app-b', { version: '2.0' }),
      answered({ protocol: 'http2' }, 'app-b', { version: '2.0' }),
      answered({ method: 'POST', body: 'whole' }, 'app-b', { version: '2.0', body: 'whole' }),
    ],
  },
  {
    id: 'backends/ws',
    proves:
      'A backend whose port says kubernetes.io/ws is reached by HTTP/1.1, and a connection can be upgraded',
    spec: 'GEP-1911',
    manifests: [
      service('ws', { selector: { app: 'app-b' }, ports: http('kubernetes.io/ws') }),
      route({ rules: [weights(to('ws'))] }),
    ],
    steps: [
      answered({}, 'app-b', { version: '1.1' }),
      {
        kind: 'request',
        ask: { headers: { connection: 'Upgrade', upgrade: 'websocket' } },
        expect: { status: 101, headers: { upgrade: 'websocket' }, body: 'after the switch' },
      },
    ],
  },
  {
    id: 'backends/unsupported-protocol',
    proves: 'A backend whose appProtocol a route cannot speak is invalid: UnsupportedProtocol, 500',
    spec: 'GEP-1911; RouteReasonUnsupportedProtocol',
    manifests: [
      service('wss', { selector: { app: 'app-b' }, ports: http('kubernetes.io/wss') }),
      route({ rules: [weights(to('wss'))] }),
    ],
    steps: [
      again(refused({}, 500), 2),
      condition('HTTPRoute mesh/route', { ResolvedRefs: 'False UnsupportedProtocol' }),
    ],
  },
  {
    id: 'backends/host-unchanged',
    proves: 'A backend gets the Host that the caller sent, over HTTP/1.1 and HTTP/2',
    spec: 'HTTPRouteRule.backendRefs',
    manifests: [route({ rules: [rule([], 'app-b')] })],
    steps: [
      answered({ authority: 'shop.example' }, 'app-b', { authority: 'shop.example' }),
      answered({ authority: 'shop.example', protocol: 'http2' }, 'app-b', { authority: 'shop.example' }),
    ],
  },
  {
    id: 'backends/whole-requests',
    proves:
      'Method, target with query, body and headers come to the backend as they were sent; the answer comes back whole',
    spec: 'RFC 9110',
    manifests: [route({ rules: [rule([], 'app-svc')] })],
    steps: (['http1', 'http2'] as const).map((protocol) =>
      answered(
        {
          protocol,
          method: 'PATCH',
          path: '/a/b;c=1?x=%2F&y=%20&&z',
          body: 'some body',
          headers: { 'x-one': 'a', 'x-two': ['b', 'c'] },
          backend: {
            headers: [
              ['set-cookie', 'a=1'],
              ['set-cookie', 'b=2'],
              ['x-answer', 'yes'],
            ],
          },
        },
        both,
        {
          method: 'PATCH',
          target: '/a/b;c=1?x=%2F&y=%20&&z',
          body: 'some body',
          received: { 'x-one': 'a', 'x-two': 'b,c' },
          headers: { 'set-cookie': 'a=1,b=2', 'x-answer': 'yes' },
        },
      ),
    ),
  },
  {
    id: 'backends/filters-of-backends',
    proves: 'Filters at a backend run for what that backend gets, and for nothing else',
    spec: `${spec}.filters; MeshHTTPRouteBackendRequestHeaderModifier`,
    manifests: [
      route({
        rules: [
          weights(
            to('app-b', { filters: [filter('RequestHeaderModifier', { set: [named('x-backend', 'b')] })] }),
            to('app-c', { weight: 0 }),
          ),
          { matches: [{ path: { type: 'Exact', value: '/c' } }], ...weights(to('app-c')) },
        ],
      }),
    ],
    steps: [
      answered({}, 'app-b', { received: { 'x-backend': 'b' } }),
      answered({ path: '/c' }, 'app-c', { received: { 'x-backend': null } }),
    ],
  },
]
