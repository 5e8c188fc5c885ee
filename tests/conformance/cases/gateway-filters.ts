import type { CaseGroup } from '../lib/case.ts'
import { exact, filter, named, prefix, route, rule, service, to } from './manifests.ts'
import { again, answered, condition, faulty, refused } from './steps.ts'

const spec = 'HTTPRouteFilter'
const requestHeaders = (value: object): object => filter('RequestHeaderModifier', value)
const responseHeaders = (value: object): object => filter('ResponseHeaderModifier', value)
const rewrite = (value: object): object => ({ filters: [filter('URLRewrite', value)] })
const prefixTo = (value: string): object => ({
  path: { type: 'ReplacePrefixMatch', replacePrefixMatch: value },
})
const fullTo = (value: string): object => ({ path: { type: 'ReplaceFullPath', replaceFullPath: value } })
const mirror = (name: string, more: object = {}, ref: object = {}): object =>
  filter('RequestMirror', { backendRef: to(name, ref), ...more })

/** What is changed on the way. */
export const filterCases: CaseGroup = [
  {
    id: 'filters/request-headers',
    proves:
      'Request headers are set, added to and removed as the rule says, whatever the case of their names',
    spec: `${spec} RequestHeaderModifier; MeshHTTPRouteRequestHeaderModifier`,
    manifests: [
      route({
        rules: [
          rule([exact('/set')], 'app-b', {
            filters: [requestHeaders({ set: [named('X-Header-Set', 'new')] })],
          }),
          rule([exact('/add')], 'app-b', {
            filters: [requestHeaders({ add: [named('X-Header-Add', 'new')] })],
          }),
          rule([exact('/remove')], 'app-b', { filters: [requestHeaders({ remove: ['X-Header-Remove'] })] }),
          rule([exact('/all')], 'app-b', {
            filters: [
              requestHeaders({
                set: [named('x-set-1', '1'), named('X-SET-2', '2')],
                add: [named('x-add-1', 'b')],
                remove: ['x-remove-1', 'X-REMOVE-2'],
              }),
            ],
          }),
        ],
      }),
    ],
    steps: [
      answered({ path: '/set', headers: { 'x-header-SET': ['old', 'older'], other: 'kept' } }, 'app-b', {
        received: { 'x-header-set': 'new', other: 'kept' },
      }),
      answered({ path: '/set' }, 'app-b', { received: { 'x-header-set': 'new' } }),
      answered({ path: '/add', headers: { 'x-HEADER-add': 'old' } }, 'app-b', {
        received: { 'x-header-add': 'old,new' },
      }),
      answered({ path: '/add' }, 'app-b', { received: { 'x-header-add': 'new' } }),
      answered({ path: '/remove', headers: { 'X-hEADER-rEMOVE': 'v', other: 'kept' } }, 'app-b', {
        received: { 'x-header-remove': null, other: 'kept' },
      }),
      ...(['http1', 'http2'] as const).map((protocol) =>
        answered(
          {
            path: '/all',
            protocol,
            headers: {
              'x-set-1': 'old',
              'x-add-1': 'a',
              'x-remove-1': 'r',
              'x-remove-2': 'r',
              'x-keep': 'k',
            },
          },
          'app-b',
          {
            received: {
              'x-set-1': '1',
              'x-set-2': '2',
              'x-add-1': 'a,b',
              'x-remove-1': null,
              'x-remove-2': null,
              'x-keep': 'k',
            },
          },
        ),
      ),
    ],
  },
  {
    id: 'filters/response-headers',
    proves: "Headers of the backend's answer are set, added to and removed as the rule says",
    spec: `${spec} ResponseHeaderModifier`,
    manifests: [
      route({
        rules: [
          rule([], 'app-b', {
            filters: [
              responseHeaders({
                set: [named('x-set', 'new')],
                add: [named('x-add', 'b')],
                remove: ['X-Remove'],
              }),
            ],
          }),
        ],
      }),
    ],
    steps: (['http1', 'http2'] as const).map((protocol) =>
      answered(
        {
          protocol,
          backend: {
            headers: [
              ['X-Set', 'old'],
              ['x-add', 'a'],
              ['x-remove', 'gone'],
              ['x-keep', 'k'],
            ],
          },
        },
        'app-b',
        { headers: { 'x-set': 'new', 'x-add': 'a,b', 'x-remove': null, 'x-keep': 'k' } },
      ),
    ),
  },
  {
    id: 'filters/response-headers-of-backends',
    proves: 'Answers are changed by the filters of the backend that gave them',
    spec: 'HTTPBackendRef.filters',
    manifests: [
      route({
        rules: [
          { backendRefs: [to('app-b', { filters: [responseHeaders({ set: [named('x-from', 'b')] })] })] },
        ],
      }),
    ],
    steps: [answered({}, 'app-b', { headers: { 'x-from': 'b' } })],
  },
  {
    id: 'filters/rewrite-host',
    proves: 'A rewritten hostname is what the backend gets as Host, and nothing else changes',
    spec: `${spec} URLRewrite.hostname`,
    manifests: [route({ rules: [rule([], 'app-b', rewrite({ hostname: 'inside.example' }))] })],
    steps: [
      answered({ path: '/a?b=c' }, 'app-b', { authority: 'inside.example', target: '/a?b=c' }),
      answered({ path: '/a?b=c', protocol: 'http2' }, 'app-b', {
        authority: 'inside.example',
        target: '/a?b=c',
      }),
    ],
  },
  {
    id: 'filters/rewrite-prefix',
    proves:
      'A replaced prefix gives the backend exactly the path of the table in the spec, with the query as it was',
    spec: `${spec} URLRewrite.path ReplacePrefixMatch; MeshHTTPRouteRewritePath, whose path nobody compares`,
    manifests: [
      route({
        rules: [
          rule([prefix('/foo')], 'app-b', rewrite(prefixTo('/xyz'))),
          rule([prefix('/slash')], 'app-b', rewrite(prefixTo('/xyz/'))),
          rule([prefix('/strip')], 'app-b', rewrite(prefixTo('/'))),
          rule([prefix('/empty')], 'app-b', rewrite(prefixTo(''))),
          rule([prefix('/tail/')], 'app-b', rewrite(prefixTo('/xyz'))),
        ],
      }),
    ],
    steps: Object.entries({
      '/foo/bar': '/xyz/bar',
      '/foo/': '/xyz/',
      '/foo': '/xyz',
      '/foo/bar?a=/foo&b': '/xyz/bar?a=/foo&b',
      '/slash/bar': '/xyz/bar',
      '/slash': '/xyz/',
      '/strip/bar': '/bar',
      '/strip': '/',
      '/strip/': '/',
      '/empty/bar': '/bar',
      '/empty': '/',
      '/tail/bar': '/xyz/bar',
      '/tail': '/xyz',
    }).map(([path, target]) => answered({ path }, 'app-b', { target })),
  },
  {
    id: 'filters/rewrite-full-path',
    proves: 'A replaced path is the whole path that the backend gets; the query stays',
    spec: `${spec} URLRewrite.path ReplaceFullPath`,
    manifests: [
      route({
        rules: [
          rule([prefix('/full')], 'app-b', {
            filters: [
              filter('URLRewrite', { hostname: 'inside.example', ...fullTo('/one') }),
              requestHeaders({ set: [named('x-too', 'yes')] }),
            ],
          }),
        ],
      }),
    ],
    steps: [
      answered({ path: '/full/any/thing?q=1' }, 'app-b', {
        target: '/one?q=1',
        authority: 'inside.example',
        received: { 'x-too': 'yes' },
      }),
    ],
  },
  {
    id: 'filters/mirror',
    proves:
      'Each request goes once to one endpoint of the mirror as well, whole; its answer and its failure are ignored',
    spec: `${spec} RequestMirror`,
    manifests: [route({ rules: [rule([], 'app-b', { filters: [mirror('app-c')] })] })],
    steps: [
      again(answered({ path: '/m' }, 'app-b', { deliveries: { 'mesh/app-b': 1, 'mesh/app-c': 1 } }), 3),
      answered({ method: 'POST', body: 'both get it', backend: { statuses: [200] } }, 'app-b', {
        deliveries: { 'mesh/app-b': 1, 'mesh/app-c': 1 },
      }),
    ],
  },
  {
    id: 'filters/mirror-one-endpoint',
    proves: 'Of a mirror with several endpoints one gets each request, and only one',
    spec: `${spec} RequestMirror.backendRef`,
    manifests: [
      route({
        rules: [
          {
            backendRefs: [to('app-d', { namespace: 'consumer' })],
            filters: [mirror('app-svc')],
          },
        ],
      }),
    ],
    steps: [again(answered({}, 'consumer/app-d', { deliveries: { 'mesh/app-b+mesh/app-c': 1 } }), 8)],
  },
  {
    id: 'filters/mirror-percent',
    proves:
      'percent and fraction say what share of requests is mirrored, within what chance explains; 0 mirrors none',
    spec: `${spec} RequestMirror.percent, .fraction`,
    manifests: [
      route({
        rules: [
          rule([exact('/percent')], 'app-b', { filters: [mirror('app-c', { percent: 20 })] }),
          rule([exact('/fraction')], 'app-b', {
            filters: [mirror('app-c', { fraction: { numerator: 500, denominator: 1000 } })],
          }),
          rule([exact('/none')], 'app-b', { filters: [mirror('app-c', { percent: 0 })] }),
        ],
      }),
    ],
    steps: Object.entries({ '/percent': 0.2, '/fraction': 0.5, '/none': 0 }).map(([path, share]) => ({
      kind: 'share' as const,
      ask: { path },
      atLeast: 300,
      shares: { '200 mesh/app-b': 1 },
      copies: { 'mesh/app-c': share },
    })),
  },
  {
    id: 'filters/mirror-missing',
    proves: 'A mirror that leads nowhere sets ResolvedRefs to False, and only the mirror is left out',
    spec: `${spec} RequestMirror.backendRef`,
    manifests: [route({ rules: [rule([], 'app-b', { filters: [mirror('nowhere')] })] })],
    steps: [
      again(answered({}, 'app-b', { deliveries: { 'mesh/app-b': 1 } }), 3),
      condition('HTTPRoute mesh/route', { Accepted: 'True', ResolvedRefs: 'False BackendNotFound' }),
    ],
  },
  {
    id: 'filters/mirror-needs-grant',
    proves: 'A mirror of another namespace needs a ReferenceGrant, and has its share with one',
    spec: `${spec} RequestMirror.backendRef; ReferenceGrant`,
    manifests: [
      route({ rules: [rule([], 'app-b', { filters: [mirror('app-d', {}, { namespace: 'consumer' })] })] }),
    ],
    steps: [
      condition('HTTPRoute mesh/route', { ResolvedRefs: 'False RefNotPermitted' }),
      answered({}, 'app-b', { deliveries: { 'consumer/app-d': 0 } }),
      {
        kind: 'apply',
        manifests: [
          route({
            rules: [rule([], 'app-b', { filters: [mirror('app-d', {}, { namespace: 'consumer' })] })],
          }),
          {
            apiVersion: 'gateway.networking.k8s.io/v1',
            kind: 'ReferenceGrant',
            metadata: { name: 'mirrors', namespace: 'consumer' },
            spec: {
              from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'mesh' }],
              to: [{ group: '', kind: 'Service' }],
            },
          },
        ],
      },
      answered({}, 'app-b', { deliveries: { 'consumer/app-d': 1 } }),
    ],
  },
  {
    id: 'filters/several-mirrors',
    proves: 'A rule may have several mirrors, and each gets every request',
    spec: `${spec} RequestMirror`,
    manifests: [
      service('also-c', { selector: { app: 'app-c' } }),
      route({ rules: [rule([], 'app-b', { filters: [mirror('app-c'), mirror('also-c')] })] }),
    ],
    steps: [answered({}, 'app-b', { deliveries: { 'mesh/app-b': 1, 'mesh/app-c': 2 } })],
  },
  {
    id: 'filters/refused-combinations',
    proves:
      'A filter twice, a redirect with backends or with a rewrite, and a replaced prefix without exactly one prefix are refused',
    spec: `${spec}, CRD rules`,
    steps: [
      faulty(
        route({
          rules: [
            rule([], 'app-b', {
              filters: [requestHeaders({ remove: ['a'] }), requestHeaders({ remove: ['b'] })],
            }),
          ],
        }),
      ),
      faulty(
        route({
          rules: [rule([], 'app-b', { filters: [filter('RequestRedirect', { hostname: 'a.example' })] })],
        }),
      ),
      faulty(
        route({
          rules: [
            {
              filters: [
                filter('RequestRedirect', { hostname: 'a.example' }),
                filter('URLRewrite', { hostname: 'b.example' }),
              ],
            },
          ],
        }),
      ),
      faulty(route({ rules: [rule([exact('/a')], 'app-b', rewrite(prefixTo('/b')))] })),
      faulty(route({ rules: [rule([prefix('/a'), prefix('/b')], 'app-b', rewrite(prefixTo('/c')))] })),
    ],
  },
  {
    id: 'filters/unknown-extension',
    proves: 'A rule with a filter that nobody carries out never serves a request as if there were no filter',
    spec: `${spec} ExtensionRef`,
    manifests: [
      route({
        rules: [
          rule([exact('/odd')], 'app-b', {
            filters: [
              { type: 'ExtensionRef', extensionRef: { group: 'example.org', kind: 'Thing', name: 'one' } },
            ],
          }),
          rule([exact('/even')], 'app-c'),
        ],
      }),
    ],
    steps: [refused({ path: '/odd' }, [404, 500]), answered({ path: '/even' }, 'app-c')],
  },
]
