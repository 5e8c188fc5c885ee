import type { CaseGroup, Step } from '../lib/case.ts'
import { exact, header, named, parent, prefix, query, regex, route, rule } from './manifests.ts'
import { answered, faulty, refused } from './steps.ts'

const spec = 'HTTPRouteMatch'
const older = '2024-01-01T00:00:00Z'
const newer = '2025-01-01T00:00:00Z'

/** `/path` of each goes to the backend, or gets 404 where there is none. */
function paths(table: Readonly<Record<string, string | null>>): readonly Step[] {
  return Object.entries(table).map(([path, by]) =>
    by === null ? refused({ path }, 404) : answered({ path }, by),
  )
}

/** Which requests a rule covers, and which rule goes before another. */
export const matchingCases: CaseGroup = [
  {
    id: 'matching/exact-path',
    proves: 'An exact path is that path and no other; /v1 and /v2 go to different backends',
    spec: `${spec}.path; MeshTrafficSplit`,
    manifests: [route({ rules: [rule([exact('/v1')], 'app-b'), rule([exact('/v2')], 'app-c')] })],
    steps: paths({
      '/v1': 'app-b',
      '/v2': 'app-c',
      '/v1/': null,
      '/v1/x': null,
      '/V1': null,
      '/': null,
      '/v1?v=2': 'app-b',
    }),
  },
  {
    id: 'matching/prefix-by-element',
    proves: 'A prefix ends at the end of a path element, and its trailing slash does not count',
    spec: `${spec}.path PathPrefix; MeshHTTPRouteMatching`,
    manifests: [
      route({
        rules: [
          rule([prefix('/'), header('version', 'one')], 'app-b'),
          rule([prefix('/v2/'), header('version', 'two')], 'app-c'),
        ],
      }),
    ],
    steps: [
      ...paths({
        '/': 'app-b',
        '/example': 'app-b',
        '/v2': 'app-c',
        '/v2/': 'app-c',
        '/v2/example': 'app-c',
        '/v2?q': 'app-c',
        '/v2example': 'app-b',
        '/foo/v2/example': 'app-b',
      }),
      answered({ headers: { version: 'one' } }, 'app-b'),
      answered({ headers: { version: 'two' } }, 'app-c'),
    ],
  },
  {
    id: 'matching/regular-expression',
    proves: 'A regular expression has to match the whole path, without the query',
    spec: `${spec}.path RegularExpression`,
    manifests: [route({ rules: [rule([regex('/items/[0-9]+')], 'app-b')] })],
    steps: paths({
      '/items/42': 'app-b',
      '/items/42?a=b': 'app-b',
      '/items/': null,
      '/items/42/x': null,
      '/x/items/42': null,
    }),
  },
  {
    id: 'matching/headers-are-and-matches-are-or',
    proves: 'All conditions of one match have to hold, and one match of a rule is enough',
    spec: `${spec}; MeshHTTPRouteMatching`,
    manifests: [
      route({
        rules: [
          rule(
            [
              {
                ...exact('/both'),
                headers: [
                  { name: 'one', value: '1' },
                  { name: 'two', value: '2' },
                ],
              },
              exact('/either'),
            ],
            'app-b',
          ),
        ],
      }),
    ],
    steps: [
      answered({ path: '/both', headers: { one: '1', two: '2' } }, 'app-b'),
      refused({ path: '/both', headers: { one: '1' } }, 404),
      refused({ path: '/else', headers: { one: '1', two: '2' } }, 404),
      answered({ path: '/either' }, 'app-b'),
    ],
  },
  {
    id: 'matching/header-name-and-value',
    proves: 'Names of headers have no case, values do; of two conditions on one name the first counts',
    spec: `${spec}.headers`,
    manifests: [
      route({
        rules: [
          rule(
            [
              {
                headers: [
                  { name: 'Version', value: 'One' },
                  { name: 'version', value: 'ignored' },
                ],
              },
            ],
            'app-b',
          ),
        ],
      }),
    ],
    steps: [
      answered({ headers: { vErSiOn: 'One' } }, 'app-b'),
      refused({ headers: { version: 'one' } }, 404),
      refused({ headers: { version: 'ignored' } }, 404),
      answered({ headers: { version: 'One' }, protocol: 'http2' }, 'app-b'),
    ],
  },
  {
    id: 'matching/header-regular-expression',
    proves: 'A regular expression on a header has to match its whole value',
    spec: `${spec}.headers RegularExpression`,
    manifests: [route({ rules: [rule([header('agent', 'fire.*|chrome', 'RegularExpression')], 'app-b')] })],
    steps: [
      answered({ headers: { agent: 'firefox' } }, 'app-b'),
      answered({ headers: { agent: 'chrome' } }, 'app-b'),
      refused({ headers: { agent: 'chromeless' } }, 404),
      refused({ headers: { agent: 'a fire' } }, 404),
    ],
  },
  {
    id: 'matching/method',
    proves: 'A method is matched exactly, and no method means any',
    spec: `${spec}.method`,
    manifests: [route({ rules: [rule([{ method: 'POST' }], 'app-b'), rule([exact('/any')], 'app-c')] })],
    steps: [
      answered({ method: 'POST', body: 'x' }, 'app-b', { method: 'POST', body: 'x' }),
      refused({}, 404),
      answered({ method: 'PUT', path: '/any', body: 'y' }, 'app-c', { method: 'PUT', body: 'y' }),
    ],
  },
  {
    id: 'matching/query-parameters',
    proves: 'Query parameters match by exact name and value; AND within a match, OR across, 404 without any',
    spec: `${spec}.queryParams; MeshHTTPRouteQueryParamMatching`,
    manifests: [
      route({
        rules: [
          rule([query('animal', 'whale')], 'app-b'),
          rule([query('animal', 'dolphin')], 'app-c'),
          rule(
            [{ queryParams: [named('animal', 'dolphin'), named('color', 'blue')] }, query('ANIMAL', 'Whale')],
            'app-b',
          ),
        ],
      }),
    ],
    steps: paths({
      '/?animal=whale': 'app-b',
      '/?animal=dolphin': 'app-c',
      '/?animal=dolphin&color=blue': 'app-b',
      '/?color=blue&animal=dolphin': 'app-b',
      '/?animal=dolphin&color=red': 'app-c',
      '/?ANIMAL=Whale': 'app-b',
      '/?animal=Whale': null,
      '/?Animal=whale': null,
      '/?animal=whales': null,
      '/?color=blue': null,
      '/?animal': null,
      '/?animal=': null,
      '/': null,
      '/path/six?animal=whale': 'app-b',
      '/?animal=wh%61le': 'app-b',
    }),
  },
  {
    id: 'matching/query-regular-expression',
    proves:
      'A regular expression on a query parameter has to match its whole value; one name may be there once in a match',
    spec: `${spec}.queryParams`,
    manifests: [route({ rules: [rule([query('n', '[0-9]+', 'RegularExpression')], 'app-c')] })],
    steps: [
      ...paths({ '/?n=12': 'app-c', '/?n=12x': null, '/?n=': null }),
      faulty(route({ rules: [rule([{ queryParams: [named('a', '1'), named('a', '2')] }], 'app-b')] })),
    ],
  },
  {
    id: 'matching/path-before-query',
    proves: 'The path goes before methods, headers and query parameters, whatever their number',
    spec: `${spec}, precedence; MeshHTTPRouteQueryParamMatching`,
    manifests: [
      route({
        rules: [
          rule(
            [
              {
                ...prefix('/'),
                method: 'GET',
                headers: [named('a', '1')],
                queryParams: [named('q', '1'), named('r', '1')],
              },
            ],
            'app-b',
          ),
          rule([prefix('/path')], 'app-c'),
        ],
      }),
    ],
    steps: [
      answered({ path: '/path?q=1&r=1', headers: { a: '1' } }, 'app-c'),
      answered({ path: '/other?q=1&r=1', headers: { a: '1' } }, 'app-b'),
    ],
  },
  {
    id: 'matching/precedence',
    proves:
      'Exact path, longest prefix, method, most headers, most query parameters: in this order, whatever the order of rules',
    spec: `${spec}, precedence`,
    manifests: [
      route({
        rules: [
          rule([prefix('/a')], 'app-c'),
          rule([{ ...prefix('/a'), queryParams: [named('q', '1')] }], 'app-b'),
          rule([{ ...prefix('/h'), queryParams: [named('q', '1'), named('r', '1')] }], 'app-c'),
          rule([{ ...prefix('/h'), headers: [named('x', '1')] }], 'app-b'),
          rule([{ ...prefix('/h'), headers: [named('x', '1'), named('y', '1')] }], 'app-c'),
          rule([{ ...prefix('/h'), method: 'PUT' }], 'app-b'),
          rule([prefix('/long')], 'app-c'),
          rule([prefix('/long/er')], 'app-b'),
          rule([exact('/long/er/exact')], 'app-c'),
        ],
      }),
    ],
    steps: [
      ...paths({
        '/a': 'app-c',
        '/a?q=1': 'app-b',
        '/h?q=1&r=1': 'app-c',
        '/long/x': 'app-c',
        '/long/er/x': 'app-b',
        '/long/er/exact': 'app-c',
        '/long/er/exact/': 'app-b',
      }),
      answered({ path: '/h?q=1&r=1', headers: { x: '1' } }, 'app-b'),
      answered({ path: '/h', headers: { x: '1', y: '1' } }, 'app-c'),
      answered({ path: '/h', method: 'PUT', headers: { x: '1', y: '1' } }, 'app-b'),
    ],
  },
  {
    id: 'matching/ties-by-age',
    proves: 'Of equal matches that of the older route goes first',
    spec: `${spec}, precedence: creation time`,
    manifests: [
      route({ name: 'a-newer', created: newer, rules: [rule([exact('/same')], 'app-c')] }),
      route({ name: 'z-older', created: older, rules: [rule([exact('/same')], 'app-b')] }),
    ],
    steps: paths({ '/same': 'app-b' }),
  },
  {
    id: 'matching/ties-by-name',
    proves: 'Of equal matches of equally old routes that of the first in namespace/name goes first',
    spec: `${spec}, precedence: name`,
    manifests: [
      route({ name: 'z', created: older, rules: [rule([exact('/same')], 'app-c')] }),
      route({ name: 'a', created: older, rules: [rule([exact('/same')], 'app-b')] }),
    ],
    steps: paths({ '/same': 'app-b' }),
  },
  {
    id: 'matching/ties-by-order',
    proves: 'Of equal matches within one route the first rule goes first',
    spec: `${spec}, precedence: order`,
    manifests: [route({ rules: [rule([exact('/same')], 'app-b'), rule([exact('/same')], 'app-c')] })],
    steps: paths({ '/same': 'app-b' }),
  },
  {
    id: 'matching/named-rule',
    proves:
      'A rule with a name routes as one without; each request is compared with the path it was sent for',
    spec: 'GEP-995; MeshHTTPRouteNamedRule',
    manifests: [
      route({
        rules: [rule([exact('/named')], 'app-b', { name: 'named-rule' }), rule([exact('/unnamed')], 'app-c')],
      }),
    ],
    steps: [
      answered({ path: '/named' }, 'app-b', { target: '/named' }),
      answered({ path: '/unnamed' }, 'app-c', { target: '/unnamed' }),
    ],
  },
  {
    id: 'matching/normal-form',
    proves: 'Paths are compared in their normal form, and the backend gets the path that was compared',
    spec: 'design §9.8; RFC 3986 §6.2.2',
    manifests: [route({ parents: [parent('app-svc')], rules: [rule([prefix('/open')], 'app-b')] })],
    steps: [
      answered({ path: '/open/%7Euser' }, 'app-b', { target: '/open/~user' }),
      answered({ path: '/x/../open/./a' }, 'app-b', { target: '/open/a' }),
      answered({ path: '//open//a' }, 'app-b', { target: '/open/a' }),
      refused({ path: '/open/../secret' }, 404),
      refused({ path: '/open/%2e%2e/secret' }, 404),
      refused({ path: '/open%2Fa' }, 400),
      refused({ path: '/open/a%5Cb' }, 400),
      refused({ path: '/open/%00' }, 400),
    ],
  },
  {
    id: 'matching/paths-of-routes',
    proves: 'A path with //, /./, /../ or %2F is refused in a route',
    spec: `${spec}, CRD rules`,
    steps: ['//', '/./', '/../', '/%2f'].map((bad) =>
      faulty(route({ rules: [rule([prefix(`/a${bad}b`)], 'app-b')] })),
    ),
  },
  {
    id: 'matching/limits',
    proves: 'More than 16 rules, 64 matches in one, or 128 in a route are refused',
    spec: 'HTTPRoute, CRD limits',
    steps: [
      faulty(route({ rules: Array.from({ length: 17 }, (_, i) => rule([exact(`/${i}`)], 'app-b')) })),
      faulty(
        route({
          rules: [
            rule(
              Array.from({ length: 65 }, (_, i) => exact(`/${i}`)),
              'app-b',
            ),
          ],
        }),
      ),
      faulty(
        route({
          rules: [0, 1, 2].map((n) =>
            rule(
              Array.from({ length: 43 }, (_, i) => exact(`/${n}/${i}`)),
              'app-b',
            ),
          ),
        }),
      ),
    ],
  },
]
