import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifests } from '@tulle/api'
import { fieldsOf, PortRoutes, readHost } from '@tulle/routing'
import { normalisePath } from '@tulle/traffic'
import type { HttpRule } from '@tulle/traffic'
import { worldOf } from './testing/world.ts'

// What users write, and where requests then go: the translation and the code that routes have to mean the same.

const services = `
apiVersion: v1
kind: Service
metadata: { name: echo, namespace: shop }
spec: { selector: { app: echo }, ports: [{ name: http, port: 80 }, { name: http-too, port: 8080 }, { name: grpc, port: 7070 }] }
---
apiVersion: v1
kind: Service
metadata: { name: v1, namespace: shop }
spec: { selector: { app: echo, v: "1" }, ports: [{ name: http, port: 80 }, { name: grpc, port: 7070 }] }
---
apiVersion: v1
kind: Service
metadata: { name: v2, namespace: shop }
spec: { selector: { app: echo, v: "2" }, ports: [{ name: http, port: 80 }, { name: grpc, port: 7070 }] }
---
`

function httpRoute(
  name: string,
  rules: string,
  namespace: string = 'shop',
  port: string = ', port: 80',
): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  parentRefs: [{ group: "", kind: Service, name: echo, namespace: shop${port} }]
  rules: ${rules}
---`
}

const to = (name: string): string => `backendRefs: [{ name: ${name}, namespace: shop, port: 80 }]`

interface Call {
  readonly method?: string
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly callers?: string
  readonly port?: number
}

/** Sends requests through what manifests come to: `GET /path` in, the backends' names out, or the answer. */
class Sender {
  readonly #manifests: string

  constructor(...manifests: readonly string[]) {
    this.#manifests = services + manifests.join('\n')
  }

  send(
    target: string,
    { method = 'GET', host = 'echo', headers = {}, callers = 'shop', port = 80 }: Call = {},
  ): string {
    const { objects, problems } = parseManifests(this.#manifests, 'routing.yaml')
    assert.deepEqual(problems, [])
    const traffic = worldOf(...objects).model.traffic.get('shop/echo.shop.svc.cluster.local')
    const own = traffic?.ports.find((one) => one.port === port)
    assert.ok(own !== undefined)
    const routes = new PortRoutes<HttpRule>(own, ({ rule }) => rule)
    assert.deepEqual(routes.problems, [])
    const path = normalisePath(target)
    assert.ok(path.ok)
    const fields = fieldsOf(Object.entries(headers).map(([name, value]) => [name, value] as const))
    const index = routes.of(callers)
    if (index === undefined) return 'own endpoints'
    const rule = index.find({
      method,
      path: path.path,
      query: path.query,
      host: readHost(host) ?? '',
      fields,
    })
    return rule === undefined ? '404' : answerOf(rule)
  }
}

function answerOf(rule: HttpRule): string {
  const shares = rule.backends.filter(({ weight }) => weight > 0)
  if (shares.length === 0) return String(rule.noBackendStatus)
  return shares
    .map(({ backend, weight }) => {
      const name =
        backend.kind === 'service' ? (backend.service.split(/[/.]/u)[1] ?? '') : String(backend.status)
      return shares.length === 1 ? name : `${weight} ${name}`
    })
    .join(', ')
}

type Row = readonly [target: string, call: Call, answer: string]

function table(name: string, sender: Sender, rows: readonly Row[]): void {
  for (const [target, call, answer] of rows)
    test(`${name}: ${call.method ?? 'GET'} ${target} ${JSON.stringify(call)} goes to ${answer}`, () => {
      assert.equal(sender.send(target, call), answer)
    })
}

table(
  'matching',
  new Sender(
    httpRoute(
      'matching',
      `[{ matches: [{ path: { value: / } }, { headers: [{ name: version, value: one }] }], ${to('v1')} }, { matches: [{ path: { value: /v2 } }, { headers: [{ name: version, value: two }] }], ${to('v2')} }]`,
    ),
  ),
  [
    ['/', {}, 'v1'],
    ['/example', {}, 'v1'],
    ['/', { headers: { version: 'one' } }, 'v1'],
    ['/v2', {}, 'v2'],
    ['/v2/', {}, 'v2'],
    ['/v2/example', {}, 'v2'],
    ['/v2?x=y', {}, 'v2'],
    ['//v2/x', {}, 'v2'],
    ['/a/../v2', {}, 'v2'],
    ['/', { headers: { version: 'two' } }, 'v2'],
    ['/', { headers: { Version: 'two' } }, 'v2'],
    ['/', { headers: { version: 'Two' } }, 'v1'],
    ['/v2example', {}, 'v1'],
    ['/foo/v2/example', {}, 'v1'],
    ['/V2', {}, 'v1'],
  ],
)

table(
  'query parameters',
  new Sender(
    httpRoute(
      'query',
      `
    - { matches: [{ queryParams: [{ name: animal, value: whale }] }], ${to('v1')} }
    - { matches: [{ queryParams: [{ name: animal, value: dolphin }] }, { queryParams: [{ name: color, value: blue }] }], ${to('v2')} }
    - { matches: [{ queryParams: [{ name: animal, value: dolphin }, { name: color, value: red }] }], ${to('v1')} }
    - { matches: [{ path: { value: /path }, queryParams: [{ name: animal, value: shark }] }], ${to('v2')} }
    - { matches: [{ path: { value: /only } }], ${to('v1')} }`,
    ),
  ),
  [
    ['/?animal=whale', {}, 'v1'],
    ['/?animal=dolphin', {}, 'v2'],
    ['/?color=blue', {}, 'v2'],
    ['/?animal=dolphin&color=blue', {}, 'v2'],
    ['/?animal=dolphin&color=red', {}, 'v1'],
    ['/?color=red&animal=dolphin', {}, 'v1'],
    ['/?ANIMAL=whale', {}, '404'],
    ['/?animal=humpback', {}, '404'],
    ['/?animal=whale&animal=dolphin', {}, 'v1'],
    ['/?animal=%77hale', {}, 'v1'],
    ['/path?animal=shark', {}, 'v2'],
    ['/?animal=shark', {}, '404'],
    ['/only?animal=dolphin', {}, 'v1'],
    ['/', {}, '404'],
    ['/?color', {}, '404'],
  ],
)

table(
  'methods, patterns, hosts',
  new Sender(
    httpRoute(
      'more',
      `
    - { matches: [{ method: POST }], ${to('v2')} }
    - { matches: [{ path: { type: RegularExpression, value: "/items/[0-9]+" } }], ${to('v2')} }
    - { matches: [{ path: { type: Exact, value: /items/7 } }], ${to('v1')} }
    - { matches: [{ headers: [{ name: Host, value: other.example.com }] }], ${to('v2')} }
    - { matches: [{ headers: [{ name: X-A, type: RegularExpression, value: "a+" }, { name: X-B, value: b }] }], ${to('v2')} }
    - { matches: [{ path: { value: /items } }], ${to('v1')} }
    - { matches: [{ path: { value: /weights } }], backendRefs: [{ name: v1, port: 80, weight: 70 }, { name: v2, port: 80, weight: 30 }, { name: v3, port: 80, weight: 0 }] }
    - { matches: [{ path: { value: /shares } }], backendRefs: [{ name: v1, port: 80 }, { name: v3, port: 80 }] }
    - { matches: [{ path: { value: /nothing } }] }`,
    ),
  ),
  [
    ['/', { method: 'POST' }, 'v2'],
    ['/', {}, '404'],
    ['/items/8', {}, 'v2'],
    ['/items/7', {}, 'v1'],
    ['/items/8/x', {}, 'v1'],
    ['/items', { method: 'POST' }, 'v1'],
    ['/', { host: 'OTHER.example.com:8080' }, 'v2'],
    ['/', { headers: { 'X-A': 'aaa', 'X-B': 'b' } }, 'v2'],
    ['/', { headers: { 'X-A': 'aaab', 'X-B': 'b' } }, '404'],
    ['/', { headers: { 'X-A': 'aaa' } }, '404'],
    ['/weights', {}, '70 v1, 30 v2'],
    ['/shares', {}, '1 v1, 1 500'],
    ['/nothing', {}, '500'],
  ],
)

table(
  'callers and ports',
  new Sender(
    httpRoute('producer', `[{ matches: [{ path: { value: /p } }], ${to('v1')} }]`),
    httpRoute('consumer', `[{ matches: [{ path: { value: /c } }], ${to('v2')} }]`, 'bank', ''),
  ),
  [
    ['/p', {}, 'v1'],
    ['/c', {}, '404'],
    ['/p', { callers: 'lab' }, 'v1'],
    ['/p', { callers: 'bank' }, '404'],
    ['/c', { callers: 'bank' }, 'v2'],
    ['/p', { port: 8080 }, 'own endpoints'],
    ['/p', { port: 8080, callers: 'bank' }, '404'],
    ['/c', { port: 8080, callers: 'bank' }, 'v2'],
  ],
)

const grpc = { method: 'POST', port: 7070 } as const
table(
  'gRPC methods',
  new Sender(`
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: methods, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: echo, port: 7070 }]
  rules:
    - { matches: [{ method: { service: shop.v1.Books } }], backendRefs: [{ name: v1, port: 7070 }] }
    - { matches: [{ method: { service: shop.v1.Books, method: Get } }], backendRefs: [{ name: v2, port: 7070 }] }
    - { matches: [{ method: { method: List } }], backendRefs: [{ name: v2, port: 7070 }] }
    - { matches: [{ method: { type: RegularExpression, service: "shop[.]v[0-9]+[.]Pens" } }], backendRefs: [{ name: v1, port: 7070, weight: 9 }, { name: v2, port: 7070, weight: 1 }] }`),
  [
    ['/shop.v1.Books/Put', grpc, 'v1'],
    ['/shop.v1.Books/Get', grpc, 'v2'],
    ['/shop.v1.Books/List', grpc, 'v1'],
    ['/shop.v1.Inks/List', grpc, 'v2'],
    ['/shop.v1.Inks/ListAll', grpc, '404'],
    ['/shop.v12.Pens/Get', grpc, '9 v1, 1 v2'],
    ['/xshop.v12.Pens/Get', grpc, '404'],
    ['/shop.v1.Booksellers/Get', grpc, '404'],
  ],
)

table(
  'splits',
  new Sender(`
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { name: preview, namespace: shop }
spec: { matches: [{ name: firefox, headers: { User-Agent: ".*Firefox.*" } }, { name: api, pathRegex: /api, methods: [GET] }] }
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: preview, namespace: shop }
spec:
  service: echo
  matches: [{ kind: HTTPRouteGroup, name: preview }]
  backends: [{ service: v1, weight: 1 }, { service: v2, weight: 3 }]`),
  [
    ['/', {}, 'echo'],
    ['/', { headers: { 'User-Agent': 'a Firefox of old' } }, '1 v1, 3 v2'],
    ['/api', {}, '1 v1, 3 v2'],
    ['/apian', {}, '1 v1, 3 v2'],
    ['/api', { method: 'POST' }, 'echo'],
    ['/x/api', {}, 'echo'],
    ['/api', { callers: 'bank' }, '1 v1, 3 v2'],
    // Neither backend has the port: what would be split is answered with 503, the rest goes on.
    ['/api', { port: 8080 }, '503'],
    ['/', { port: 8080 }, 'echo'],
  ],
)
