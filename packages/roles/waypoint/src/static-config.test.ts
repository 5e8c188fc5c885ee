import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parseStaticConfig } from './static-config.ts'

function problemsOf(text: string): readonly string[] {
  const parsed = parseStaticConfig(text, 'w.yaml')
  return parsed.ok ? [] : parsed.error
}

const clusters = 'clusters: [{ name: app, endpoints: [{ address: 127.0.0.1, port: 80 }] }]\n'

function withRule(rule: string): string {
  return `${clusters}listeners:\n  - name: web\n    port: 8080\n    rules:\n      - ${rule}\n`
}

describe('parseStaticConfig', () => {
  it('reads the example of the reference', () => {
    const reference = readFileSync(
      new URL('../../../../docs/reference/waypoint-file.md', import.meta.url),
      'utf8',
    )
    const yaml = /```yaml\n([^]*?)```/u.exec(reference)?.[1] ?? ''
    const parsed = parseStaticConfig(yaml, 'example.yaml')
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.join('\n'))
    const [listener] = parsed.value.listeners
    assert.equal(listener?.protocol, 'https')
    assert.deepEqual(
      listener?.access.map(({ name, action }) => [name, action]),
      [
        ['no-admin', 'deny'],
        ['reads', 'allow'],
      ],
    )
    const routes = listener?.traffic.ports[0]?.producer
    assert.ok(routes?.kind === 'http')
    const [canary, rest] = routes.entries
    assert.deepEqual(canary?.match, {
      path: { kind: 'prefix', path: '/books' },
      methods: [],
      headers: [{ name: 'x-preview', value: { kind: 'exact', value: 'yes' } }],
      query: [],
    })
    assert.deepEqual(
      canary.rule.backends.map(({ backend, weight }) => [
        backend.kind === 'service' && backend.service,
        weight,
      ]),
      [
        ['static/books-v1', 9],
        ['static/books-v2', 1],
      ],
    )
    assert.equal(canary.rule.requestTimeoutMs, 10_000)
    assert.equal(canary.rule.attemptTimeoutMs, 2000)
    assert.deepEqual(rest?.rule.filters, [
      { kind: 'redirect', status: 302, path: { kind: 'full', path: '/books' } },
    ])
    assert.deepEqual(
      parsed.value.clusters.map(({ service, endpoints }) => [service, endpoints[0]?.key]),
      [
        ['static/books-v1', '10.0.0.7:9080'],
        ['static/books-v2', '10.0.0.8:9080'],
      ],
    )
  })

  it('says where each problem is', () => {
    assert.deepEqual(problemsOf(withRule('{ backends: [{ cluster: nobody }] }')), [
      'w.yaml:6:33: listeners.0.rules.0.backends.0.cluster: expected a cluster of this file (app), found nobody',
    ])
    assert.match(
      problemsOf(withRule('{ backend: [] }')).join('\n'),
      /^w\.yaml:6:9: .*[Uu]nrecognized key.*backend/u,
    )
    assert.match(problemsOf('listeners: [').join('\n'), /^w\.yaml:1:\d+: /u)
  })

  const refused: readonly (readonly [string, string, RegExp])[] = [
    [
      'a pattern that is none',
      '{ matches: [{ path: { type: RegularExpression, value: "(" } }], backends: [{ cluster: app }] }',
      /RE2/u,
    ],
    [
      'a path that is not normal',
      '{ matches: [{ path: { type: Exact, value: /a/../b } }], backends: [{ cluster: app }] }',
      /normal path/u,
    ],
    ['a rule that leads nowhere', '{ matches: [] }', /expected a backend, or a redirect/u],
    [
      'a redirect with backends',
      '{ filters: [{ type: RequestRedirect, requestRedirect: {} }], backends: [{ cluster: app }] }',
      /a redirect has no backends/u,
    ],
    [
      'a prefix to replace where none was matched',
      '{ filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }], backends: [{ cluster: app }] }',
      /exactly one match/u,
    ],
    [
      'a mirror to nowhere',
      '{ filters: [{ type: RequestMirror, requestMirror: { cluster: gone } }], backends: [{ cluster: app }] }',
      /found gone/u,
    ],
    [
      'a duration without unit',
      '{ timeouts: { request: "5" }, backends: [{ cluster: app }] }',
      /timeouts\.request/u,
    ],
  ]
  for (const [what, rule, message] of refused)
    it(`refuses ${what}`, () => {
      const problems = problemsOf(withRule(rule))
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', message)
    })

  it('wants a certificate for https, and none otherwise', () => {
    const rules = 'rules: [{ backends: [{ cluster: app }] }]'
    const listener = (more: string): string =>
      `${clusters}listeners: [{ name: web, port: 1, ${more}, ${rules} }]\n`
    assert.match(
      problemsOf(listener('protocol: https')).join('\n'),
      /https needs the path of a PEM file as certificate/u,
    )
    assert.match(problemsOf(listener('key: a.pem')).join('\n'), /http has no key/u)
  })

  it('refuses names that are there already', () => {
    const twice = `${clusters}listeners:\n${'  - { name: web, port: 1, rules: [{ backends: [{ cluster: app }] }] }\n'.repeat(2)}`
    assert.match(problemsOf(twice).join('\n'), /web is there already/u)
  })

  it('is not held up by aliases that multiply', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(9)}]`).join('\n')}\n`
    assert.ok(problemsOf(bomb).length > 0)
  })
})
