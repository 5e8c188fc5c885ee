import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GrpcRouteMatchSpec, HttpRouteMatchSpec } from '@tulle/api'
import { must } from '@tulle/core'
import { grpcMatch, httpMatch, prefixOf } from './http-matches.ts'

type Path = HttpRouteMatchSpec['path']

const at = (type: Path['type'], value: string): HttpRouteMatchSpec => ({
  path: { type, value },
  headers: [],
  queryParams: [],
})

const paths: readonly (readonly [Path['type'], string, unknown])[] = [
  ['PathPrefix', '/', undefined],
  ['PathPrefix', '/v2', { kind: 'prefix', path: '/v2' }],
  ['PathPrefix', '/v2/', { kind: 'prefix', path: '/v2' }],
  ['PathPrefix', '/a%7eb', { kind: 'prefix', path: '/a~b' }],
  ['Exact', '/', { kind: 'exact', path: '/' }],
  ['Exact', '/v2/', { kind: 'exact', path: '/v2/' }],
  ['Exact', '/%c3%a9', { kind: 'exact', path: '/%C3%A9' }],
  ['RegularExpression', '/v[0-9]+', { kind: 'pattern', pattern: { source: '/v[0-9]+', anchor: 'full' } }],
]

for (const [type, value, expected] of paths) {
  test(`httpMatch() reads ${type} ${value} as normal paths are`, () => {
    assert.deepEqual(must(httpMatch(at(type, value))).match.path, expected)
  })
}

test('httpMatch() refuses a path that no normal path equals', () => {
  for (const value of ['/a%00', '/a%5Cb', '/a%2e%2e%2fb'])
    assert.equal(httpMatch(at('Exact', value)).ok, false, value)
})

test('httpMatch() takes the first of headers with one name, without case, and of query parameters with case', () => {
  const { match } = must(
    httpMatch({
      ...at('PathPrefix', '/'),
      headers: [
        { name: 'X-A', type: 'Exact', value: 'one' },
        { name: 'x-a', type: 'Exact', value: 'two' },
      ],
      queryParams: [
        { name: 'a', type: 'Exact', value: 'one' },
        { name: 'A', type: 'Exact', value: 'two' },
        { name: 'a', type: 'Exact', value: 'three' },
      ],
    }),
  )
  assert.deepEqual(match.headers, [{ name: 'x-a', value: { kind: 'exact', value: 'one' } }])
  assert.deepEqual(
    match.query.map(({ name, value }) => [name, value]),
    [
      ['a', { kind: 'exact', value: 'one' }],
      ['A', { kind: 'exact', value: 'two' }],
    ],
  )
})

test('httpMatch() reads Host as the authority, in lower case and without its port', () => {
  const { match } = must(
    httpMatch({
      ...at('PathPrefix', '/'),
      headers: [{ name: 'HOST', type: 'Exact', value: 'Books.Shop:8080' }],
    }),
  )
  assert.deepEqual(match.headers, [{ name: ':authority', value: { kind: 'exact', value: 'books.shop' } }])
})

test('prefixOf() has what a replacement takes the place of', () => {
  assert.equal(prefixOf(at('PathPrefix', '/')), '/')
  assert.equal(prefixOf(at('PathPrefix', '/a/b/')), '/a/b')
  assert.equal(prefixOf(at('Exact', '/a')), undefined)
})

type Method = NonNullable<GrpcRouteMatchSpec['method']>
const methods: readonly (readonly [Method, unknown])[] = [
  [
    { type: 'Exact', service: 'a.B', method: 'Get' },
    { kind: 'exact', path: '/a.B/Get' },
  ],
  [
    { type: 'Exact', service: 'a.B' },
    { kind: 'prefix', path: '/a.B' },
  ],
  [
    { type: 'Exact', method: 'Get' },
    { kind: 'pattern', pattern: { source: '/[^/]+/(?:Get)', anchor: 'full' } },
  ],
  [
    { type: 'RegularExpression', service: 'a|b' },
    { kind: 'pattern', pattern: { source: '/(?:a|b)/[^/]+', anchor: 'full' } },
  ],
  [
    { type: 'RegularExpression', service: 'a', method: 'G.*' },
    { kind: 'pattern', pattern: { source: '/(?:a)/(?:G.*)', anchor: 'full' } },
  ],
]

for (const [method, expected] of methods) {
  test(`grpcMatch() reads ${JSON.stringify(method)} as a path`, () => {
    const { match } = must(grpcMatch({ method, headers: [] }))
    assert.deepEqual(match.path, expected)
    assert.deepEqual(match.methods, ['POST'])
  })
}

test('case 38: grpcMatch() refuses two expressions that are together more than one may be', () => {
  const half = 'a'.repeat(600)
  const both = { type: 'RegularExpression', service: half, method: half } as const
  assert.equal(grpcMatch({ method: { type: 'RegularExpression', service: half }, headers: [] }).ok, true)
  assert.equal(grpcMatch({ method: both, headers: [] }).ok, false)
})
