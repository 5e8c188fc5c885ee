import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HttpMatch } from '@tulle/traffic'
import { PathIndex } from './path-index.ts'
import { matching, request } from './test-requests.ts'
import { fieldsOf } from './routed-request.ts'
import type { RoutedRequest } from './routed-request.ts'

function indexOf(matches: readonly Partial<HttpMatch>[]): PathIndex<number> {
  const index = new PathIndex<number>()
  for (const [place, match] of matches.entries()) assert.equal(index.add(matching(match), place).ok, true)
  return index
}

const exact = (path: string): Partial<HttpMatch> => ({ path: { kind: 'exact', path } })
const prefix = (path: string): Partial<HttpMatch> => ({ path: { kind: 'prefix', path } })
const pattern = (source: string): Partial<HttpMatch> => ({
  path: { kind: 'pattern', pattern: { source, anchor: 'full' } },
})

describe('PathIndex', () => {
  it('finds the first entry in order, whatever kind its path is of', () => {
    const index = indexOf([exact('/a/b'), pattern('/a/.*'), prefix('/a'), {}])
    assert.deepEqual(
      ['/a/b', '/a/c', '/a', '/other'].map((path) => index.find(request(path))),
      [0, 1, 2, 3],
    )
    const reversed = indexOf([{}, prefix('/a'), pattern('/a/.*'), exact('/a/b')])
    assert.equal(reversed.find(request('/a/b')), 0)
  })

  it('reads prefixes by elements, without their final slash', () => {
    const index = indexOf([prefix('/v2/'), prefix('/')])
    assert.deepEqual(
      ['/v2', '/v2/', '/v2/x', '/v2x', '/'].map((path) => index.find(request(path))),
      [0, 0, 0, 1, 1],
    )
  })

  it('prefers the earlier of two prefixes, not the longer', () => {
    assert.equal(indexOf([prefix('/a'), prefix('/a/b')]).find(request('/a/b/c')), 0)
    assert.equal(indexOf([prefix('/a/b'), prefix('/a')]).find(request('/a/b/c')), 0)
  })

  it('goes on where an entry of the path does not hold otherwise', () => {
    const post = indexOf([{ ...exact('/a'), methods: ['POST'] }, { ...prefix('/a'), methods: ['GET'] }, {}])
    assert.equal(post.find(request('/a')), 1)
    assert.equal(post.find(request('/a', { method: 'PUT' })), 2)
  })

  it('finds nothing where nothing covers the request', () => {
    assert.equal(indexOf([exact('/a'), prefix('/b'), pattern('/c')]).find(request('/d')), undefined)
  })

  it('asks any value of a header, and the first of a query parameter', () => {
    const header = indexOf([{ headers: [{ name: 'x-tag', value: { kind: 'exact', value: 'blue' } }] }])
    const tagged = (...values: string[]): RoutedRequest =>
      request('/', { fields: fieldsOf(values.map((value) => ['x-tag', value])) })
    assert.equal(header.find(tagged('red', 'blue')), 0)
    assert.equal(header.find(tagged('red')), undefined)
    const query = indexOf([{ query: [{ name: 'v', value: { kind: 'exact', value: 'a b' } }] }])
    assert.equal(query.find(request('/?v=a%20b&v=c')), 0)
    assert.equal(query.find(request('/?x=1&v=a+b')), 0)
    assert.equal(query.find(request('/?v=c&v=a%20b')), undefined)
    assert.equal(query.find(request('/?v=%zz')), undefined)
  })

  it('reads the host as one header, without port', () => {
    const index = indexOf([{ headers: [{ name: ':authority', value: { kind: 'exact', value: 'books' } }] }])
    assert.equal(index.find(request('/', { host: 'books' })), 0)
    assert.equal(index.find(request('/', { host: 'other' })), undefined)
  })

  it('says why an entry can match nothing, and keeps its place', () => {
    const index = new PathIndex<number>()
    assert.equal(index.add(matching(pattern('(')), 0).ok, false)
    assert.equal(index.add(matching(prefix('/')), 1).ok, true)
    assert.equal(index.find(request('/a')), 1)
  })

  it('agrees with trying one entry after the other', () => {
    const matches = Array.from({ length: 300 }, (_, i): Partial<HttpMatch> => {
      const path = `/${['a', 'b', 'a/b', 'a/b/c', 'x'][i % 5] ?? ''}${i % 7 === 0 ? `/${i % 3}` : ''}`
      const methods = i % 4 === 0 ? ['POST'] : []
      return { methods, ...[exact(path), prefix(path), pattern(`${path}.*`)][i % 3] }
    })
    const index = indexOf(matches)
    const alone = matches.map((match) => indexOf([match]))
    for (const path of ['/a', '/a/b', '/a/b/c', '/a/b/c/1', '/b/0', '/x/y', '/ab', '/'])
      for (const method of ['GET', 'POST']) {
        const asked = request(path, { method })
        const expected = alone.findIndex((one) => one.find(asked) !== undefined)
        assert.equal(index.find(asked), expected < 0 ? undefined : expected, `${method} ${path}`)
      }
  })

  it('looks no deeper than its longest prefix into a path of thousands of elements', () => {
    const index = indexOf([prefix('/a/b')])
    assert.equal(index.find(request('/x'.repeat(100_000))), undefined)
    assert.equal(index.find(request(`/a/b${'/x'.repeat(100_000)}`)), 0)
  })
})
