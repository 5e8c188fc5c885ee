import type { CaseGroup } from '../lib/case.ts'
import {
  exact,
  filter,
  gateway,
  header,
  named,
  parent,
  prefix,
  route,
  rule,
  service,
  split,
  to,
} from './manifests.ts'
import { answered, again, both, condition, greeted, refused } from './steps.ts'

const gep = 'GEP-1294'

/** Whom a route is for. */
export const bindingCases: CaseGroup = [
  {
    id: 'binding/no-route',
    proves: 'A Service without routes is reached as if there were no mesh, by every protocol',
    spec: `${gep}; MeshBasic`,
    steps: [
      answered({}, both, { target: '/', authority: 'app-svc', version: '1.1' }),
      answered({ protocol: 'http2' }, both, { target: '/', version: '2.0' }),
      answered({ to: 'app-b:7070', protocol: 'grpc', path: '/pkg.Echo/Say', body: 'hello' }, 'app-b', {
        trailers: { 'grpc-status': '0' },
        body: 'hello',
      }),
      greeted('app-b:9090', 'app-b'),
    ],
  },
  {
    id: 'binding/same-namespace',
    proves: "A route in the Service's namespace decides for calls to it",
    spec: `${gep}; MeshHTTPRouteSimpleSameNamespace`,
    manifests: [route({ rules: [rule([], 'app-b')] })],
    steps: [again(answered({}, 'app-b'), 10)],
  },
  {
    id: 'binding/producer-for-all-callers',
    proves: 'A producer route is for callers of every namespace',
    spec: `${gep}, producer routes`,
    manifests: [route({ rules: [rule([], 'app-b')] })],
    steps: [
      again(answered({}, 'app-b'), 5),
      again(answered({ from: 'consumer/app-d', to: 'app-svc.mesh' }, 'app-b'), 5),
    ],
  },
  {
    id: 'binding/consumer-for-own-callers',
    proves: 'A consumer route changes only calls that come from its own namespace',
    spec: `${gep}, consumer routes; MeshConsumerRoute`,
    manifests: [route({ namespace: 'consumer', parents: [parent('app-b')], rules: [rule([], 'app-d')] })],
    steps: [
      again(answered({ from: 'consumer/app-d', to: 'app-b.mesh' }, 'consumer/app-d'), 5),
      again(answered({ to: 'app-b' }, 'app-b'), 5),
    ],
  },
  {
    id: 'binding/consumer-beats-producer',
    proves:
      'For callers of its namespace a consumer route replaces producer routes; the two are never merged',
    spec: `${gep}, consumer over producer`,
    manifests: [
      route({ name: 'producer', rules: [rule([exact('/producer')], 'app-b')] }),
      route({
        name: 'consumer',
        namespace: 'consumer',
        parents: [parent('app-svc')],
        rules: [{ matches: [exact('/consumer')], backendRefs: [to('app-c', { namespace: 'mesh' })] }],
      }),
    ],
    steps: [
      answered({ path: '/producer' }, 'app-b'),
      refused({ path: '/consumer' }, 404),
      answered({ from: 'consumer/app-d', to: 'app-svc.mesh', path: '/consumer' }, 'app-c'),
      refused({ from: 'consumer/app-d', to: 'app-svc.mesh', path: '/producer' }, 404),
    ],
  },
  {
    id: 'binding/never-chained',
    proves:
      "What a route sends to a Service goes to that Service's endpoints, past the routes of that Service",
    spec: `${gep}, routes are not chained`,
    manifests: [
      route({ name: 'first', rules: [rule([], 'app-b')] }),
      route({ name: 'second', parents: [parent('app-b')], rules: [rule([], 'app-c')] }),
    ],
    steps: [again(answered({}, 'app-b'), 5), again(answered({ to: 'app-b' }, 'app-c'), 5)],
  },
  {
    id: 'binding/no-rule-is-404',
    proves: 'A route replaces what was before: a request that none of its rules covers gets 404',
    spec: `${gep}; HTTPRouteRule.matches`,
    manifests: [route({ rules: [rule([exact('/only')], 'app-b')] })],
    steps: [
      answered({ path: '/only' }, 'app-b'),
      refused({ path: '/other' }, 404),
      refused({ path: '/other', protocol: 'http2' }, 404),
    ],
  },
  {
    id: 'binding/pod-address',
    proves: "A call to a workload's own address never meets the route of a Service",
    spec: `${gep}; MeshFrontend`,
    manifests: [
      route({
        parents: [parent('app-c')],
        rules: [
          rule([], 'app-c', {
            filters: [filter('ResponseHeaderModifier', { add: [named('x-route', 'met')] })],
          }),
        ],
      }),
    ],
    steps: [
      answered({ to: 'app-c' }, 'app-c', { headers: { 'x-route': 'met' } }),
      answered({ to: 'address of mesh/app-c:8080' }, 'app-c', { headers: { 'x-route': null } }),
    ],
  },
  {
    id: 'binding/by-address-not-host',
    proves: 'A call is known by the address it goes to, whatever its Host header says, both ways round',
    spec: `${gep}; MeshFrontendHostname, MeshClusterIPMatching`,
    manifests: [
      route({
        parents: [parent('app-c')],
        rules: [
          rule([], 'app-c', {
            filters: [filter('ResponseHeaderModifier', { add: [named('x-route', 'met')] })],
          }),
        ],
      }),
    ],
    steps: [
      answered({ to: 'app-c', authority: 'app-b' }, 'app-c', {
        headers: { 'x-route': 'met' },
        authority: 'app-b',
      }),
      answered({ to: 'app-b', authority: 'app-c' }, 'app-b', {
        headers: { 'x-route': null },
        authority: 'app-c',
      }),
      answered({ to: 'app-c', authority: 'example.org', protocol: 'http2' }, 'app-c', {
        headers: { 'x-route': 'met' },
      }),
    ],
  },
  {
    id: 'binding/parent-port',
    proves: 'A parent with a port is for that port alone; without one for all ports',
    spec: `ParentReference.port; MeshPorts`,
    manifests: [
      route({ name: 'one', parents: [parent('app-b', { port: 80 })], rules: [rule([exact('/b')], 'app-b')] }),
      route({ name: 'all', parents: [parent('app-c')], rules: [rule([exact('/c')], 'app-c')] }),
    ],
    steps: [
      refused({ to: 'app-b', path: '/' }, 404),
      answered({ to: 'app-b:8080', path: '/' }, 'app-b'),
      refused({ to: 'app-c', path: '/' }, 404),
      refused({ to: 'app-c:8080', path: '/' }, 404),
      answered({ to: 'app-c:8080', path: '/c' }, 'app-c'),
    ],
  },
  {
    id: 'binding/parent-section-name',
    proves: "A parent's sectionName is the name of a port, and selects as its number does",
    spec: 'ParentReference.sectionName',
    manifests: [
      route({ parents: [parent('app-b', { sectionName: 'http' })], rules: [rule([exact('/b')], 'app-b')] }),
    ],
    steps: [refused({ to: 'app-b' }, 404), answered({ to: 'app-b:8080' }, 'app-b')],
  },
  {
    id: 'binding/hostnames-mean-nothing',
    proves: 'hostnames of a route are given no meaning in a mesh',
    spec: `${gep}, hostnames`,
    manifests: [route({ hostnames: ['elsewhere.example'], rules: [rule([], 'app-b')] })],
    steps: [again(answered({}, 'app-b'), 3), answered({ authority: 'elsewhere.example' }, 'app-b')],
  },
  {
    id: 'binding/several-parents',
    proves: 'One route with two parents is for both Services',
    spec: 'CommonRouteSpec.parentRefs',
    manifests: [
      route({ parents: [parent('app-b'), parent('app-c')], rules: [rule([exact('/b')], 'app-b')] }),
    ],
    steps: [
      answered({ to: 'app-c', path: '/b' }, 'app-b'),
      answered({ to: 'app-b', path: '/b' }, 'app-b'),
      refused({ to: 'app-c' }, 404),
      condition('HTTPRoute mesh/route', { Accepted: 'True' }, 0),
      condition('HTTPRoute mesh/route', { Accepted: 'True' }, 1),
    ],
  },
  {
    id: 'binding/routes-merge',
    proves: 'Routes of one group are one list: each request goes by the most specific match of all of them',
    spec: `${gep}; HTTPRouteRule.matches`,
    manifests: [
      route({ name: 'first', rules: [rule([prefix('/')], 'app-b')] }),
      route({ name: 'second', rules: [rule([prefix('/deep')], 'app-c')] }),
    ],
    steps: [answered({ path: '/any' }, 'app-b'), answered({ path: '/deep/er' }, 'app-c')],
  },
  {
    id: 'binding/headless-parent',
    proves: 'A headless Service is not accepted as a parent',
    spec: `${gep}, Service kinds`,
    manifests: [
      service('headless', { selector: { app: 'app-b' }, clusterIP: 'None' }),
      route({ parents: [parent('headless')], rules: [rule([], 'app-c')] }),
    ],
    steps: [
      condition('HTTPRoute mesh/route', { Accepted: 'False' }),
      answered({ to: 'headless.mesh:8080' }, 'app-b'),
    ],
  },
  {
    id: 'binding/missing-parent',
    proves: 'A parent that does not exist is not accepted, and the other parents are',
    spec: 'RouteParentStatus',
    manifests: [route({ parents: [parent('nowhere'), parent('app-svc')], rules: [rule([], 'app-b')] })],
    steps: [
      condition('HTTPRoute mesh/route', { Accepted: 'False NoMatchingParent' }, 0),
      condition('HTTPRoute mesh/route', { Accepted: 'True' }, 1),
      again(answered({}, 'app-b'), 3),
    ],
  },
  {
    id: 'binding/foreign-parent-kind',
    proves: 'A parent that is a Gateway of somebody else has no effect in the mesh',
    spec: 'ParentReference.kind',
    manifests: [
      route({
        parents: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' }],
        rules: [rule([], 'app-b')],
      }),
    ],
    steps: [answered({ to: 'app-c' }, 'app-c')],
  },
  {
    id: 'binding/cross-namespace-backend',
    proves: 'A backend of another namespace needs no ReferenceGrant in a mesh',
    spec: `${gep}, ReferenceGrant`,
    manifests: [route({ rules: [{ backendRefs: [to('app-d', { namespace: 'consumer' })] }] })],
    steps: [
      condition('HTTPRoute mesh/route', { ResolvedRefs: 'True' }),
      again(answered({}, 'consumer/app-d'), 3),
    ],
  },
  {
    id: 'binding/applied-and-removed',
    proves:
      'A route holds for the request after it was applied, and is gone for the one after it was removed, on one connection',
    spec: `${gep}`,
    manifests: [route({ parents: [parent('app-b')], rules: [rule([], 'app-c')] })],
    steps: [
      answered({ to: 'app-b', connection: 'removed' }, 'app-c'),
      {
        kind: 'apply',
        manifests: [route({ parents: [parent('app-b')], rules: [rule([header('x-to', 'c')], 'app-c')] })],
      },
      refused({ to: 'app-b', connection: 'removed' }, 404),
      answered({ to: 'app-b', connection: 'removed', headers: { 'x-to': 'c' } }, 'app-c', {
        localPort: 'as before',
      }),
      { kind: 'apply', manifests: [] },
      answered({ to: 'app-b' }, 'app-b'),
    ],
  },
  {
    id: 'binding/split-and-route',
    proves:
      "Where a producer's routes decide, a TrafficSplit of the same Service is Conflicted there; on other ports it holds",
    spec: 'Tulle, docs/reference/traffic.md',
    manifests: [route({ rules: [rule([], 'app-b')] }), split({ 'app-c': 1 })],
    steps: [
      again(answered({}, 'app-b'), 5),
      greeted('app-svc:9090', 'app-c'),
      condition('TrafficSplit mesh/split', { Conflicted: 'True' }),
    ],
  },
  {
    id: 'binding/named-waypoint',
    proves: 'A Service that names a waypoint has its routes carried out there',
    spec: 'Istio ambient, istio.io/use-waypoint',
    manifests: [
      gateway('named'),
      service('via', { selector: { app: 'app-b' }, labels: { 'istio.io/use-waypoint': 'named' } }),
      route({ parents: [parent('via')], rules: [rule([exact('/only')], 'app-b')] }),
    ],
    steps: [answered({ to: 'via.mesh', path: '/only' }, 'app-b'), refused({ to: 'via.mesh' }, 404)],
  },
]
