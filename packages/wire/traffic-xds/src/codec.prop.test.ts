import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { AccessPolicy } from '@tulle/access'
import { emptyMatch } from '@tulle/policy'
import { AccessSchema, ServiceTrafficSchema } from '@tulle/proto'
import { nearnesses } from '@tulle/traffic'
import type {
  Backend,
  FaultInjection,
  Fraction,
  HeaderChanges,
  HttpFilter,
  HttpMatch,
  HttpRoutes,
  HttpRule,
  NamedMatch,
  PathChange,
  Pattern,
  PortTraffic,
  Resilience,
  RetryRule,
  Routes,
  RuleOrigin,
  ServiceTraffic,
  UpstreamTls,
  SessionPersistence,
  ValueMatch,
  WeightedBackend,
} from '@tulle/traffic'
import fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { decodeAccess, encodeAccess } from './access.ts'
import { decodeServiceTraffic } from './decode-traffic.ts'
import { encodeServiceTraffic } from './encode-traffic.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const word = fc.string({ minLength: 1, maxLength: 8 })
const uint = fc.nat({ max: 0xffff_ffff })
const port = fc.integer({ min: 1, max: 65_535 })
const amount = fc.double({ min: 0, max: 1e9, noNaN: true }).map((value) => value + 0)
const list = <T>(item: Arbitrary<T>): Arbitrary<T[]> => fc.array(item, { maxLength: 3 })
const fraction: Arbitrary<Fraction> = fc.record({
  numerator: uint,
  denominator: fc.integer({ min: 1, max: 1000 }),
})

const pattern: Arbitrary<Pattern> = fc.record({ source: text, anchor: fc.constantFrom('full', 'start') })
const valueMatch: Arbitrary<ValueMatch> = fc.oneof(
  text.map((value) => ({ kind: 'exact', value }) as const),
  pattern.map((one) => ({ kind: 'pattern', pattern: one }) as const),
)
const named: Arbitrary<NamedMatch> = fc.record({ name: word, value: valueMatch })
const match: Arbitrary<HttpMatch> = fc.record(
  {
    path: fc.oneof(
      fc.record({ kind: fc.constantFrom('exact', 'prefix'), path: text }),
      pattern.map((one) => ({ kind: 'pattern', pattern: one }) as const),
    ),
    methods: list(word),
    headers: list(named),
    query: list(named),
  },
  { requiredKeys: ['methods', 'headers', 'query'] },
)
const origin: Arbitrary<RuleOrigin> = fc.record(
  {
    kind: fc.constantFrom('HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'TrafficSplit', 'static'),
    namespace: text,
    name: text,
    rule: uint,
    ruleName: text,
  },
  { requiredKeys: ['kind', 'namespace', 'name', 'rule'] },
)
const backend: Arbitrary<Backend> = fc.oneof(
  fc.record({ kind: fc.constant('service' as const), service: word, port }),
  fc.record({ kind: fc.constant('invalid' as const), status: fc.constantFrom(500, 503), reason: text }),
)
const header = fc.record({ name: text, value: text })
const changes: Arbitrary<HeaderChanges> = fc.record({
  set: list(header),
  add: list(header),
  remove: list(text),
})
const pathChange: Arbitrary<PathChange> = fc.oneof(
  fc.record({ kind: fc.constant('full' as const), path: text }),
  fc.record({ kind: fc.constant('prefix' as const), prefix: text, replacement: text }),
)
const filter: Arbitrary<HttpFilter> = fc.oneof(
  fc.record({ kind: fc.constantFrom('request-headers', 'response-headers'), changes }),
  fc.record(
    {
      kind: fc.constant('redirect' as const),
      scheme: fc.constantFrom('http', 'https'),
      host: text,
      port,
      path: pathChange,
      status: fc.constantFrom(301, 302, 303, 307, 308),
    },
    { requiredKeys: ['kind', 'status'] },
  ),
  fc.record(
    { kind: fc.constant('rewrite' as const), host: text, path: pathChange },
    { requiredKeys: ['kind'] },
  ),
  fc.record({ kind: fc.constant('mirror' as const), backend, fraction }),
  fc.record({
    kind: fc.constant('cors' as const),
    cors: fc.record({
      allowOrigins: list(text),
      allowCredentials: fc.boolean(),
      allowMethods: list(text),
      allowHeaders: list(text),
      exposeHeaders: list(text),
      maxAgeSeconds: uint,
    }),
  }),
)
const weighted: Arbitrary<WeightedBackend> = fc.record({ backend, weight: uint, filters: list(filter) })
const retry: Arbitrary<RetryRule> = fc.record({
  attempts: uint,
  backoffMs: uint,
  statusCodes: list(uint),
  onConnectionError: fc.boolean(),
  onReset: fc.boolean(),
})
const session: Arbitrary<SessionPersistence> = fc.record({
  kind: fc.constantFrom('cookie', 'header'),
  name: word,
  absoluteTimeoutMs: uint,
})
const fault: Arbitrary<FaultInjection> = fc.record(
  { delay: fc.record({ ms: uint, fraction }), abort: fc.record({ status: uint, fraction }) },
  { requiredKeys: [] },
)
const resilience: Arbitrary<Resilience> = fc.record(
  {
    retry,
    retryBudget: fc.record({ percent: amount, windowMs: uint, minPerSecond: amount }),
    outliers: fc.record({
      consecutiveFailures: uint,
      minSuccessRate: amount,
      minRequests: uint,
      windowMs: uint,
      baseEjectionMs: uint,
      maxEjectionMs: uint,
      maxEjectedPercent: amount,
    }),
    limits: fc.record({ maxConnections: uint, maxRequests: uint, maxPending: uint }),
    fault,
    rateLimit: fc.record({
      requestsPerSecond: amount.map((value) => value + 1),
      burst: amount,
      per: fc.constantFrom('service', 'identity'),
    }),
    hedging: fc.record({ delayMs: uint, maxAttempts: uint }),
    locality: fc.record({ prefer: fc.constantFrom(...nearnesses), failover: fc.constantFrom(...nearnesses) }),
    session,
  },
  { requiredKeys: [] },
)
const rule: Arbitrary<HttpRule> = fc.record(
  {
    origin,
    filters: list(filter),
    backends: list(weighted),
    noBackendStatus: fc.constantFrom(404, 500, 503),
    requestTimeoutMs: uint,
    attemptTimeoutMs: uint,
    retry,
    session,
    resilience,
  },
  {
    requiredKeys: [
      'origin',
      'filters',
      'backends',
      'noBackendStatus',
      'requestTimeoutMs',
      'attemptTimeoutMs',
    ],
  },
)
const httpRoutes: Arbitrary<HttpRoutes> = fc
  .tuple(fc.array(rule, { minLength: 1, maxLength: 3 }), list(fc.tuple(match, fc.nat({ max: 2 }))))
  .map(([rules, entries]) => ({
    kind: 'http',
    entries: entries.flatMap(([one, place]) => {
      const led = rules[place % rules.length]
      return led === undefined ? [] : [{ match: one, rule: led }]
    }),
  }))
const routes: Arbitrary<Routes> = fc.oneof(
  httpRoutes,
  fc.record({ kind: fc.constant('tcp' as const), origin, backends: list(weighted) }),
  fc.record({
    kind: fc.constant('tls' as const),
    entries: list(fc.record({ hostnames: list(text), origin, backends: list(weighted) })),
  }),
)
const portTraffic: Arbitrary<PortTraffic> = fc.record(
  {
    port,
    protocol: fc.constantFrom('http', 'http2', 'tcp', 'tls', 'detect'),
    producer: routes,
    consumers: list(fc.tuple(word, routes)).map((pairs) => new Map(pairs)),
    resilience,
  },
  { requiredKeys: ['port', 'protocol', 'consumers'] },
)
const upstreamTls: Arbitrary<UpstreamTls> = fc.record(
  {
    service: word,
    port,
    terms: fc.record({
      serverName: word,
      roots: fc.oneof(
        fc.constant({ kind: 'system' } as const),
        word.map((certificates) => ({ kind: 'pem', certificates }) as const),
      ),
      subjectAltNames: list(fc.record({ kind: fc.constantFrom('dns', 'uri'), value: word })),
    }),
  },
  { requiredKeys: ['service', 'port'] },
)
const traffic: Arbitrary<ServiceTraffic> = fc.record(
  {
    service: word,
    ports: list(portTraffic),
    resilience,
    upstreamTls: fc.array(upstreamTls, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['service', 'ports'] },
)
const access: Arbitrary<AccessPolicy> = fc.record({
  name: word,
  namespace: word,
  scope: fc.constantFrom('global', 'namespace', 'workload'),
  action: fc.constantFrom('allow', 'deny'),
  dryRun: fc.boolean(),
  rules: list(
    fc.record(
      {
        connection: list(port).map((destinationPorts) => ({
          clauses: [{ matches: [{ ...emptyMatch, destinationPorts }] }],
        })),
        requests: list(match),
      },
      { requiredKeys: ['connection'] },
    ),
  ),
})

test('ServiceTraffic comes back from its bytes as it was', () => {
  fc.assert(
    fc.property(traffic, (one) => {
      const decoded = decodeServiceTraffic(encodeServiceTraffic(one))
      assert.ok(decoded.ok, decoded.ok ? '' : decoded.error)
      assert.deepEqual(decoded.value, structuredClone(one))
    }),
    { numRuns: 200 },
  )
})

test('equal traffic gives equal bytes, in whatever order consumers were found', () => {
  fc.assert(
    fc.property(traffic, (one) => {
      const turned: ServiceTraffic = {
        ...one,
        ports: one.ports.map((ports) => ({
          ...ports,
          consumers: new Map([...ports.consumers].toReversed()),
        })),
      }
      assert.deepEqual(encodeServiceTraffic(turned), encodeServiceTraffic(one))
    }),
    { numRuns: 50 },
  )
})

test('an access policy comes back from its bytes as it was', () => {
  fc.assert(
    fc.property(access, (one) => {
      const decoded = decodeAccess(encodeAccess(one))
      assert.ok(decoded.ok, decoded.ok ? '' : decoded.error)
      assert.deepEqual(decoded.value, structuredClone(one))
    }),
    { numRuns: 200 },
  )
})

test('bytes of any kind give an error or a value, and never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeServiceTraffic(bytes)
      decodeAccess(bytes)
    }),
    { numRuns: 500 },
  )
})

test('a value of an enum that is not known refuses the traffic', () => {
  const message = create(ServiceTrafficSchema, { service: 'a/b', ports: [{ port: 80 }] })
  const [port80] = message.ports
  if (port80 !== undefined) Object.assign(port80, { protocol: 99 })
  const decoded = decodeServiceTraffic(toBinary(ServiceTrafficSchema, message))
  assert.deepEqual(decoded, { ok: false, error: 'ports[0]: unknown value 99 of protocol' })
})

test('TLS on terms that are not understood refuses the traffic, as it would else go without them', () => {
  const decode = (tls: object): unknown =>
    decodeServiceTraffic(
      toBinary(ServiceTrafficSchema, create(ServiceTrafficSchema, { service: 'a/b', upstreamTls: [tls] })),
    )
  const to = { service: 'a/b', port: 443 }
  const cases: readonly (readonly [object, string])[] = [
    [{ port: 443 }, 'TLS without service or port'],
    [{ ...to, terms: { serverName: 'x' } }, 'TLS with roots of no known kind'],
    [{ ...to, terms: { roots: { case: 'system', value: {} } } }, 'TLS without the name of a server'],
    [{ ...to, terms: { serverName: 'x', roots: { case: 'certificates', value: '' } } }, 'TLS without roots'],
  ]
  for (const [tls, error] of cases)
    assert.deepEqual(decode(tls), { ok: false, error: `upstream_tls[0]: ${error}` })
})

test('whatever is not known at any depth refuses an access policy', () => {
  const bytes = encodeAccess({
    name: 'p',
    namespace: 'n',
    scope: 'workload',
    action: 'allow',
    dryRun: false,
    rules: [{ connection: { clauses: [] }, requests: [{ methods: ['GET'], headers: [], query: [] }] }],
  })
  const message = fromBinary(AccessSchema, bytes)
  const [first] = message.requests[0]?.matches ?? []
  // A condition that a newer control plane might say: left out, the rule would open more than it was written for.
  if (first !== undefined) first.$unknown = [{ no: 9, wireType: 0, data: Uint8Array.of(1) }]
  const decoded = decodeAccess(toBinary(AccessSchema, message))
  assert.equal(decoded.ok, false)
  assert.match(String(!decoded.ok && decoded.error), /unknown field 9 in Access.requests.matches/u)
})

test('an access policy needs a part about requests for each of its rules', () => {
  const bytes = encodeAccess({
    name: 'p',
    namespace: 'n',
    scope: 'workload',
    action: 'allow',
    dryRun: false,
    rules: [{ connection: { clauses: [] }, requests: [] }],
  })
  const message = fromBinary(AccessSchema, bytes)
  message.requests = []
  assert.deepEqual(decodeAccess(toBinary(AccessSchema, message)), {
    ok: false,
    error: 'expected a part about requests for each of 1 rules',
  })
})
