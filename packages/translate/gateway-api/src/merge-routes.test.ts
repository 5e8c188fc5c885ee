import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { GrpcRouteMatchSpec, HttpRouteMatchSpec } from '@tulle/api'
import { must } from '@tulle/core'
import type { HttpRule } from '@tulle/traffic'
import { grpcMatch, httpMatch } from './http-matches.ts'
import { decidePort, maxEntriesOfPort, mergeRoutes } from './merge-routes.ts'
import type { RankedEntry, RouteKind, RouteTranslation } from './route-types.ts'

function ruleNamed(name: string): HttpRule {
  return {
    origin: { kind: 'HTTPRoute', namespace: 'shop', name, rule: 0 },
    filters: [],
    backends: [],
    noBackendStatus: 500,
    requestTimeoutMs: 0,
    attemptTimeoutMs: 0,
  }
}

function route(name: string, kind: RouteKind, parts: Partial<RouteTranslation> = {}): RouteTranslation {
  const key = `gateway.networking.k8s.io/${kind}/shop/${name}`
  return {
    key,
    kind,
    label: `${kind} shop/${name}`,
    age: { createdMs: Infinity, name: `shop/${name}`, key },
    parents: [],
    entries: [],
    ...parts,
  }
}

function order(routes: readonly RouteTranslation[]): readonly string[] {
  const merged = mergeRoutes(decidePort(routes).winners, new Map())?.routes
  assert.ok(merged?.kind === 'http')
  return merged.entries.map(({ rule }) => rule.origin.name)
}

type Http = Partial<HttpRouteMatchSpec>
const prefix = (value: string): Http => ({ path: { type: 'PathPrefix', value } })
const exact = (value: string): Http => ({ path: { type: 'Exact', value } })
const pattern = (value: string): Http => ({ path: { type: 'RegularExpression', value } })
const headers = (count: number): Http => ({ headers: named(count) })
const query = (count: number): Http => ({ queryParams: named(count) })

function named(count: number): HttpRouteMatchSpec['headers'] {
  return Array.from({ length: count }, (_, i) => ({ name: `n${i}`, type: 'Exact', value: 'a' }))
}

function httpEntry(name: string, match: Http): RankedEntry {
  const spec = { path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [], ...match } as const
  const read = must(httpMatch(spec))
  return { rank: read.rank, entry: { match: read.match, rule: ruleNamed(name) } }
}

// @see HTTPRouteRule.matches: each of these goes before the next one.
const httpOrder: readonly (readonly [string, Http])[] = [
  ['exact', exact('/a')],
  ['exact of the root', exact('/')],
  ['a longer pattern', pattern('/[a-z]+/[a-z]+')],
  ['a pattern', pattern('/[a-z]+')],
  ['a longer prefix', prefix('/a/b/c')],
  ['a prefix with a slash at its end', prefix('/a/b/')],
  ['a prefix, method, header, parameter', { ...prefix('/a/b'), method: 'GET', ...headers(1), ...query(1) }],
  ['a prefix, method', { ...prefix('/a/b'), method: 'GET' }],
  ['a prefix, two headers', { ...prefix('/a/b'), ...headers(2) }],
  ['a prefix, a header, two parameters', { ...prefix('/a/b'), ...headers(1), ...query(2) }],
  ['a prefix, a header', { ...prefix('/a/b'), ...headers(1) }],
  ['a prefix, sixteen parameters', { ...prefix('/a/b'), ...query(16) }],
  ['a prefix', prefix('/a/b')],
  ['method', { method: 'GET' }],
  ['anything', {}],
]

test('mergeRoutes() has matches of HTTPRoutes in the order of the spec, whatever order they were written in', () => {
  const expected = httpOrder.map(([name]) => name)
  fc.assert(
    fc.property(fc.shuffledSubarray([...httpOrder], { minLength: httpOrder.length }), (written) => {
      const entries = written.map(([name, match]) => httpEntry(name, match))
      assert.deepEqual(order([route('all', 'HTTPRoute', { entries })]), expected)
    }),
  )
})

test('mergeRoutes() has the same order when every match is in a route of its own, whatever their ages', () => {
  const expected = httpOrder.map(([name]) => name)
  const ages = fc.array(fc.integer(), { minLength: httpOrder.length, maxLength: httpOrder.length })
  fc.assert(
    fc.property(ages, (created) => {
      const routes = httpOrder.map(([name, match], i) =>
        route(name, 'HTTPRoute', {
          entries: [httpEntry(name, match)],
          age: { createdMs: created[i] ?? 0, name: `shop/${name}`, key: name },
        }),
      )
      assert.deepEqual(order(routes), expected)
    }),
  )
})

type Grpc = GrpcRouteMatchSpec
const method = (service: string | undefined, name?: string, count = 0): Grpc => ({
  method: {
    type: 'Exact',
    ...(service === undefined ? {} : { service }),
    ...(name === undefined ? {} : { method: name }),
  },
  headers: named(count),
})

// @see GRPCRouteRule.matches: each of these goes before the next one.
const grpcOrder: readonly (readonly [string, Grpc])[] = [
  ['the longest service', method('shop.v1.Bookshelves')],
  ['a service and the longest method', method('shop.v1.Books', 'GetAll')],
  ['a service, a method, a header', method('shop.v1.Books', 'Get', 1)],
  ['a service, a method', method('shop.v1.Books', 'Get')],
  ['a service, sixteen headers', method('shop.v1.Books', undefined, 16)],
  ['a service', method('shop.v1.Books')],
  [
    'a longer expression for services',
    { method: { type: 'RegularExpression', service: 'shop[.]v[0-9]+[.]Bookshelves' }, headers: [] },
  ],
  ['an expression for services', { method: { type: 'RegularExpression', service: '.*' }, headers: [] }],
  ['a method', method(undefined, 'GetAll')],
  ['two headers', { headers: named(2) }],
  ['anything', { headers: [] }],
]

test('mergeRoutes() has matches of GRPCRoutes in the order of the spec', () => {
  const expected = grpcOrder.map(([name]) => name)
  fc.assert(
    fc.property(fc.shuffledSubarray([...grpcOrder], { minLength: grpcOrder.length }), (written) => {
      const entries = written.map(([name, spec]) => {
        const { match, rank } = must(grpcMatch(spec))
        return { rank, entry: { match, rule: ruleNamed(name) } }
      })
      assert.deepEqual(order([route('all', 'GRPCRoute', { entries })]), expected)
    }),
  )
})

test('mergeRoutes() breaks ties by age, then by namespace and name, then by the order of rules', () => {
  const twice = (name: string): readonly RankedEntry[] => [
    httpEntry(`${name} first`, prefix('/a')),
    httpEntry(`${name} second`, prefix('/a')),
  ]
  const routes = [
    route('b', 'HTTPRoute', { entries: twice('b') }),
    route('a', 'HTTPRoute', { entries: twice('a') }),
    route('z', 'HTTPRoute', { entries: twice('z'), age: { createdMs: 5, name: 'shop/z', key: 'z' } }),
  ]
  assert.deepEqual(order(routes), ['z first', 'z second', 'a first', 'a second', 'b first', 'b second'])
})

const kinds: readonly (readonly [readonly RouteKind[], RouteKind])[] = [
  [['TCPRoute', 'TLSRoute', 'HTTPRoute', 'GRPCRoute'], 'GRPCRoute'],
  [['TCPRoute', 'TLSRoute', 'HTTPRoute'], 'HTTPRoute'],
  [['TCPRoute', 'TLSRoute'], 'TLSRoute'],
  [['TCPRoute'], 'TCPRoute'],
]

for (const [attached, winner] of kinds) {
  test(`decidePort() hears ${winner} among ${attached.join(', ')}, however young`, () => {
    const routes = attached.map((kind, i) =>
      route(`r${i}`, kind, { age: { createdMs: i, name: `shop/r${i}`, key: `${i}` } }),
    )
    const { winners, leftOut } = decidePort(routes)
    assert.deepEqual(
      winners.map(({ kind }) => kind),
      [winner],
    )
    assert.deepEqual(leftOut, [])
  })
}

test('decidePort() hears the oldest of several TCPRoutes', () => {
  const { winners } = decidePort([route('b', 'TCPRoute'), route('a', 'TCPRoute')])
  assert.deepEqual(
    winners.map(({ label }) => label),
    ['TCPRoute shop/a'],
  )
})

test('case 38: decidePort() leaves out younger routes for whose matches there is no room', () => {
  const entries = Array.from({ length: 128 }, (_, i) => httpEntry(`${i}`, prefix(`/${i}`)))
  const routes = Array.from({ length: 200 }, (_, i) =>
    route(`r${i}`, 'HTTPRoute', { entries, age: { createdMs: i, name: `shop/r${i}`, key: `${i}` } }),
  )
  const { winners, leftOut } = decidePort(routes)
  assert.equal(winners.length, Math.floor(maxEntriesOfPort / 128))
  assert.equal(winners.length + leftOut.length, routes.length)
  assert.equal(leftOut[0]?.label, `HTTPRoute shop/r${winners.length}`)
})
