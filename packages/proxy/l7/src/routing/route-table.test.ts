import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRng } from '@tulle/core'
import type { HttpEntry, HttpFilter, PortTraffic } from '@tulle/traffic'
import { RouteTable } from './route-table.ts'
import { backend, entry, request, rule } from './test-requests.ts'

function portWith(more: Partial<PortTraffic>): ReturnType<RouteTable['port']> {
  const traffic = {
    service: 'shop/books',
    ports: [{ port: 80, protocol: 'http' as const, consumers: new Map(), ...more }],
  }
  return RouteTable.compile(traffic).table.port(80)
}

const http = (...entries: readonly HttpEntry[]): { kind: 'http'; entries: readonly HttpEntry[] } => ({
  kind: 'http',
  entries,
})

describe('RouteTable', () => {
  it('leads to the own endpoints of a service that has no routes', () => {
    const found = portWith({})?.find(request('/any'), 'other')
    assert.deepEqual(found?.backends.pick(seededRng(1))?.backend, {
      kind: 'service',
      service: 'shop/books',
      port: 80,
    })
  })

  it('replaces that by routes: what none covers has no rule', () => {
    const port = portWith({ producer: http(entry({ path: { kind: 'exact', path: '/a' } }, rule('a'))) })
    assert.equal(port?.find(request('/a'), '')?.name, 'static test/a rule 0')
    assert.equal(port?.find(request('/b'), ''), undefined)
  })

  it("has the consumer's routes for callers of its namespace only, and never both", () => {
    const port = portWith({
      producer: http(entry({}, rule('producer'))),
      consumers: new Map([['mine', http(entry({ path: { kind: 'exact', path: '/a' } }, rule('consumer')))]]),
    })
    assert.equal(port?.find(request('/a'), 'mine')?.rule.origin.name, 'consumer')
    assert.equal(port?.find(request('/b'), 'mine'), undefined)
    assert.equal(port?.find(request('/a'), 'theirs')?.rule.origin.name, 'producer')
  })

  it('knows only the ports that it was told of', () => {
    assert.equal(RouteTable.compile({ service: 'shop/books', ports: [] }).table.port(80), undefined)
  })

  it('case 38: tells what a route cannot do, and the rest of the table works', () => {
    const broken = entry(
      { path: { kind: 'pattern', pattern: { source: '(a+', anchor: 'full' } } },
      rule('broken'),
    )
    const { table, problems } = RouteTable.compile({
      service: 'shop/books',
      ports: [
        { port: 80, protocol: 'http', consumers: new Map(), producer: http(broken, entry({}, rule('good'))) },
      ],
    })
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /^static test\/broken rule 0: path: pattern "\(a\+"/u)
    assert.equal(table.port(80)?.find(request('/a'), '')?.rule.origin.name, 'good')
  })

  it('sends nowhere without the TLS that a port asks for: with terms by those, without by none, copies included', () => {
    const terms = { serverName: 'b', roots: { kind: 'system' }, subjectAltNames: [] } as const
    const mirror = {
      kind: 'mirror',
      backend: backend('a').backend,
      fraction: { numerator: 1, denominator: 1 },
    }
    const led = rule('led', {
      backends: [backend('a'), backend('b'), backend('c')],
      filters: [mirror as HttpFilter],
    })
    const { table } = RouteTable.compile({
      service: 'shop/books',
      ports: [
        { port: 80, protocol: 'http', consumers: new Map(), producer: http(entry({}, led)) },
        { port: 81, protocol: 'http', consumers: new Map() },
      ],
      upstreamTls: [
        { service: 'test/a', port: 80 },
        { service: 'test/b', port: 80, terms },
        { service: 'shop/books', port: 81 },
      ],
    })
    const found = table.port(80)?.find(request('/'), '')
    const shown = found?.allBackends.map(({ backend: to, tls }) => [to.kind, tls?.serverName])
    assert.deepEqual(shown, [
      ['invalid', undefined],
      ['service', 'b'],
      ['service', undefined],
    ])
    assert.equal(found?.filters.mirrors[0]?.backend.kind, 'invalid')
    const own = table.port(81)?.find(request('/'), '')
    assert.equal(own?.backends.pick(seededRng(1))?.backend.kind, 'invalid')
  })

  it('shares requests out by weight, and gives nothing to weight 0', () => {
    const rng = seededRng(7)
    const shared = rule('shared', { backends: [backend('a', 3), backend('b', 1), backend('never', 0)] })
    const found = portWith({ producer: http(entry({}, shared)) })?.find(request('/'), '')
    const counts = new Map<string, number>()
    for (let i = 0; i < 4000; i++) {
      const target = found?.backends.pick(rng)?.backend
      const name = target?.kind === 'service' ? target.service : ''
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    assert.deepEqual([...counts.keys()].sort(), ['test/a', 'test/b'])
    assert.ok(Math.abs((counts.get('test/a') ?? 0) - 3000) < 150, `${counts.get('test/a')} of 4000`)
  })
})
