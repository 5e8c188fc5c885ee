import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpFilter, HttpRule } from '@tulle/traffic'
import { entry, rule } from '../routing/test-requests.ts'
import { answered, answering, exchange, okAnswer, onRequests, RawBackend, TestProxy } from './test-proxy.ts'

/** Rules that callers write for themselves grant them nothing. The service is of namespace `test`. */

const noAdmin = onRequests('deny', 'no-admin', { path: { kind: 'prefix', path: '/admin' } })

const toAdmin: HttpFilter = {
  kind: 'rewrite',
  path: { kind: 'prefix', prefix: '/books', replacement: '/admin' },
}

function writtenIn(namespace: string, filters: readonly HttpFilter[]): HttpRule {
  return rule('back', { origin: { kind: 'HTTPRoute', namespace, name: 'back', rule: 0 }, filters })
}

async function statusThrough(by: HttpRule, target: string): Promise<readonly [string, readonly string[]]> {
  await using backend = await RawBackend.listen(answering(okAnswer))
  await using proxy = await TestProxy.start({
    entries: [entry({}, by)],
    clusters: { 'test/back': [backend.port] },
    access: [noAdmin],
  })
  const text = await exchange(
    proxy.port,
    `GET ${target} HTTP/1.1\r\nhost: books\r\n\r\n`,
    (all) => answered(all) || all.includes('access denied'),
  )
  return [text.slice(9, 12), backend.received.map((bytes) => bytes.split(' ')[1] ?? '')]
}

test('case 10: what a rule of another namespace makes of a path is judged too', async () => {
  assert.deepEqual(await statusThrough(writtenIn('market', [toAdmin]), '/books/x'), ['403', []])
  const harmless: HttpFilter = {
    kind: 'rewrite',
    path: { kind: 'prefix', prefix: '/books', replacement: '/safe' },
  }
  assert.deepEqual(await statusThrough(writtenIn('market', [harmless]), '/books/x'), ['200', ['/safe/x']])
  const elsewhere: HttpFilter = {
    kind: 'rewrite',
    path: { kind: 'prefix', prefix: '/books', replacement: '/x/../admin' },
  }
  assert.deepEqual(await statusThrough(writtenIn('market', [elsewhere]), '/books'), ['403', []])
})

test('what a rule of the service makes of a path is what its access rules mean', async () => {
  assert.deepEqual(await statusThrough(writtenIn('test', [toAdmin]), '/books/x'), ['200', ['/admin/x']])
})
