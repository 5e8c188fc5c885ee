import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HttpEntry, HttpMatch } from '@tulle/traffic'
import { describeMatch } from './match-text.ts'
import { nearestMisses } from './nearest.ts'
import { fieldsOf } from './routed-request.ts'
import { matching, request } from './test-requests.ts'

function entry(name: string, match: Partial<HttpMatch>): HttpEntry {
  const origin = { kind: 'HTTPRoute' as const, namespace: 'shop', name, rule: 0 }
  const rule = {
    origin,
    filters: [],
    backends: [],
    noBackendStatus: 500 as const,
    requestTimeoutMs: 0,
    attemptTimeoutMs: 0,
  }
  return { match: matching(match), rule }
}

const entries = [
  entry('far', {
    path: { kind: 'prefix', path: '/v9' },
    methods: ['PUT'],
    headers: [{ name: 'x-tag', value: { kind: 'exact', value: 'blue' } }],
  }),
  entry('near', {
    path: { kind: 'prefix', path: '/v2' },
    methods: ['POST', 'PUT'],
    query: [{ name: 'n', value: { kind: 'pattern', pattern: { source: '[0-9]+', anchor: 'full' } } }],
  }),
  entry('covers', {}),
]

function misses(path: string, count: number, tag?: string): readonly unknown[] {
  const fields = fieldsOf(tag === undefined ? [] : [['X-Tag', tag]])
  return nearestMisses(entries, request(path, { fields }), count).map((miss) => [
    miss.entry.rule.origin.name,
    ...miss.why,
  ])
}

describe('nearestMisses()', () => {
  it('names what lacks least first, and only what does not hold', () => {
    assert.deepEqual(misses('/v2/a?n=1', 1), [['near', 'it wants method POST or PUT, and the method is GET']])
    assert.deepEqual(misses('/v2?n=x', 2, 'blue'), [
      [
        'near',
        'it wants method POST or PUT, and the method is GET',
        'it wants query parameter n ~ [0-9]+, and it is "x"',
      ],
      ['far', 'it wants path under /v9, and the path is /v2', 'it wants method PUT, and the method is GET'],
    ])
  })

  it('leaves out those of which nothing holds, where there are others', () => {
    assert.equal(misses('/v2', 2, 'red').length, 1)
    assert.deepEqual(misses('/', 1, 'red'), [
      [
        'far',
        'it wants path under /v9, and the path is /',
        'it wants method PUT, and the method is GET',
        'it wants header x-tag = blue, and it is "red"',
      ],
    ])
  })

  it('leaves out what covers the request', () =>
    assert.deepEqual(
      misses('/', 9).map((miss) => (miss as readonly string[])[0]),
      ['far', 'near'],
    ))

  it('counts what can match nothing as a miss', () => {
    const broken = entry('broken', { path: { kind: 'pattern', pattern: { source: '(', anchor: 'full' } } })
    assert.deepEqual(nearestMisses([broken], request('/a'), 1)[0]?.why, [
      'it wants path ~ (, and the path is /a',
    ])
  })
})

describe('describeMatch()', () => {
  it('says what a match asks for', () => {
    assert.equal(describeMatch(matching({})), 'any request')
    assert.equal(
      describeMatch(
        matching({
          path: { kind: 'exact', path: '/a' },
          methods: ['GET'],
          headers: [{ name: ':authority', value: { kind: 'exact', value: 'books' } }],
        }),
      ),
      'path = /a, method GET, host = books',
    )
  })
})
