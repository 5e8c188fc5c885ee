import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Fields } from '@tulle/http1'
import type { PathChange } from '@tulle/traffic'
import { request } from '../routing/test-requests.ts'
import { Cors } from './cors.ts'
import { compileFilters } from './filter-set.ts'
import { applyChanges, checkChanges } from './header-changes.ts'
import { changePath } from './path-change.ts'
import { redirectReply } from './redirect.ts'
import type { Redirect } from './redirect.ts'
import { tlsLookup } from '@tulle/traffic'

describe('changePath', () => {
  const prefix = (from: string, to: string): PathChange => ({ kind: 'prefix', prefix: from, replacement: to })
  const cases: readonly (readonly [string, PathChange, string])[] = [
    ['/foo/bar', prefix('/foo', '/xyz'), '/xyz/bar'],
    ['/foo/bar', prefix('/foo', '/xyz/'), '/xyz/bar'],
    ['/foo/bar', prefix('/foo/', '/xyz'), '/xyz/bar'],
    ['/foo', prefix('/foo', '/xyz'), '/xyz'],
    ['/foo/', prefix('/foo', '/xyz'), '/xyz/'],
    ['/foo/bar', prefix('/foo', ''), '/bar'],
    ['/foo/', prefix('/foo', ''), '/'],
    ['/foo', prefix('/foo', ''), '/'],
    ['/foo', prefix('/foo', '/'), '/'],
    ['/foo/bar', prefix('/', '/v1'), '/v1/foo/bar'],
    ['/foo/bar', { kind: 'full', path: '/one' }, '/one'],
    ['/foo/bar', { kind: 'full', path: '' }, '/'],
  ]
  for (const [path, change, expected] of cases)
    it(`${path} by ${JSON.stringify(change)} is ${expected}`, () =>
      assert.equal(changePath(path, change), expected))
})

describe('redirectReply', () => {
  const locationOf = (
    redirect: Partial<Redirect>,
    scheme: 'http' | 'https' = 'http',
    port = 8080,
  ): string => {
    const asked = request('/a/b?x=1', { host: 'shop.example' })
    const reply = redirectReply({ kind: 'redirect', status: 302, ...redirect }, asked, { scheme, port })
    assert.equal(reply.status, redirect.status ?? 302)
    assert.equal(reply.headers[0], 'location')
    return reply.headers[1] ?? ''
  }

  it('keeps what it does not name: scheme, host, addressed port, path and query', () => {
    assert.equal(locationOf({}), 'http://shop.example:8080/a/b?x=1')
    assert.equal(locationOf({ status: 308 }, 'http', 80), 'http://shop.example/a/b?x=1')
  })

  it('takes the port of a scheme that it names, and leaves out the usual ones', () => {
    assert.equal(locationOf({ scheme: 'https' }), 'https://shop.example/a/b?x=1')
    assert.equal(locationOf({ scheme: 'https', port: 8443 }), 'https://shop.example:8443/a/b?x=1')
    assert.equal(locationOf({ port: 443 }), 'http://shop.example:443/a/b?x=1')
    assert.equal(locationOf({ port: 443 }, 'https'), 'https://shop.example/a/b?x=1')
    assert.equal(locationOf({ scheme: 'http' }, 'https', 8443), 'http://shop.example/a/b?x=1')
  })

  it('changes host and path', () => {
    const path = { kind: 'prefix', prefix: '/a', replacement: '/z' } as const
    assert.equal(locationOf({ host: 'new.example', path }), 'http://new.example:8080/z/b?x=1')
    assert.equal(locationOf({ path: { kind: 'full', path: '/only' } }), 'http://shop.example:8080/only?x=1')
  })
})

describe('header changes', () => {
  it('set replaces, add appends, remove removes', () => {
    const fields = Fields.of([
      'x-set',
      'old',
      'x-set',
      'older',
      'x-add',
      'one',
      'x-gone',
      'yes',
      'x-kept',
      'k',
    ])
    applyChanges(fields, {
      set: [{ name: 'x-set', value: 'new' }],
      add: [{ name: 'x-add', value: 'two' }],
      remove: ['x-gone'],
    })
    assert.equal(fields.get('x-set'), 'new')
    assert.equal(fields.get('x-add'), 'one, two')
    assert.equal(fields.has('x-gone'), false)
    assert.equal(fields.get('x-kept'), 'k')
  })

  it('refuses what frames a message, and what would begin another one', () => {
    const checked = checkChanges({
      set: [
        { name: 'content-length', value: '0' },
        { name: 'x-good', value: 'v' },
        { name: 'x-bad', value: 'a\r\nx: y' },
      ],
      add: [{ name: 'transfer-encoding', value: 'chunked' }],
      remove: ['host', 'x y'],
    })
    assert.deepEqual(checked.changes, { set: [{ name: 'x-good', value: 'v' }], add: [], remove: [] })
    assert.equal(checked.problems.length, 5)
  })

  it('tells of hosts and paths that are none', () => {
    const { problems } = compileFilters(
      [
        { kind: 'rewrite', host: 'a b', path: { kind: 'full', path: '/a\r\n' } },
        { kind: 'redirect', status: 302, host: 'x/y' },
      ],
      tlsLookup({}),
    )
    assert.equal(problems.length, 3)
  })
})

describe('Cors', () => {
  const filter = {
    allowOrigins: ['https://*.example.com', 'https://one.test'],
    allowCredentials: false,
    allowMethods: ['PUT'],
    allowHeaders: ['x-a'],
    exposeHeaders: ['x-b'],
    maxAgeSeconds: 5,
  }
  const ask = (origin: string, more: readonly string[] = []): Fields =>
    Fields.of(['origin', origin, 'access-control-request-method', 'PUT', ...more])
  const answer = (cors: Cors, fields: Fields): Fields | number => {
    const reply = cors.preflight('OPTIONS', fields)
    assert.ok(reply !== undefined)
    return reply.status === 204 ? Fields.of(reply.headers) : reply.status
  }

  it('answers a preflight of an allowed origin by naming it', () => {
    const fields = answer(new Cors(filter), ask('https://a.b.example.com'))
    assert.ok(fields instanceof Fields)
    assert.equal(fields.get('access-control-allow-origin'), 'https://a.b.example.com')
    assert.equal(fields.get('access-control-allow-methods'), 'GET, HEAD, POST, PUT')
    assert.equal(fields.get('access-control-allow-headers'), 'x-a')
    assert.equal(fields.get('access-control-max-age'), '5')
    assert.equal(fields.has('access-control-allow-credentials'), false)
  })

  it('refuses others, and what only looks like one', () => {
    for (const origin of [
      'https://evil.test',
      'https://.example.com',
      'http://a.example.com',
      'https://evil.test/.example.com',
      'https://one.test.evil',
    ])
      assert.equal(answer(new Cors(filter), ask(origin)), 403, origin)
  })

  it('leaves every other request alone', () => {
    const cors = new Cors(filter)
    assert.equal(cors.preflight('GET', ask('https://one.test')), undefined)
    assert.equal(cors.preflight('OPTIONS', Fields.of(['origin', 'https://one.test'])), undefined)
    assert.equal(cors.preflight('OPTIONS', Fields.of([])), undefined)
  })

  it('never answers a star where credentials are allowed, and echoes nothing but tokens', () => {
    const open = {
      ...filter,
      allowOrigins: ['*'],
      allowMethods: ['*'],
      allowHeaders: ['*'],
      exposeHeaders: ['*'],
      allowCredentials: true,
    }
    const asked = ask('https://any.test', ['access-control-request-headers', 'x-one, x-two'])
    const fields = answer(new Cors(open), asked)
    assert.ok(fields instanceof Fields)
    assert.equal(fields.get('access-control-allow-origin'), 'https://any.test')
    assert.equal(fields.get('access-control-allow-methods'), 'PUT')
    assert.equal(fields.get('access-control-allow-headers'), 'x-one, x-two')
    assert.equal(fields.get('access-control-allow-credentials'), 'true')
    const odd = answer(new Cors(open), ask('https://any.test', ['access-control-request-headers', 'a: b"']))
    assert.ok(odd instanceof Fields)
    assert.equal(odd.has('access-control-allow-headers'), false)
    const marked = Fields.of([])
    new Cors(open).mark('https://any.test', marked)
    assert.equal(marked.has('access-control-expose-headers'), false)
  })

  it('replaces what the backend said, and says nothing to other origins', () => {
    const marked = Fields.of(['access-control-allow-origin', '*'])
    new Cors(filter).mark('https://evil.test', marked)
    assert.equal(marked.has('access-control-allow-origin'), false)
    assert.equal(marked.get('vary'), 'origin')
    new Cors(filter).mark('https://one.test', marked)
    assert.equal(marked.get('access-control-allow-origin'), 'https://one.test')
    assert.equal(marked.get('access-control-expose-headers'), 'x-b')
  })
})
