import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import type { AdminReply } from '@tulle/runtime'
import { MergedEdges, MergedTap } from '@tulle/waypoint-plane'
import { tapRoutes } from './tap-routes.ts'

const sources = { tap: new MergedTap([], new TestClock()), edges: new MergedEdges([]) }

async function ask(path: string, signal: AbortSignal): Promise<AdminReply> {
  const url = new URL(path, 'http://waypoint')
  const route = tapRoutes(sources).find((one) => one.path === url.pathname)
  assert.ok(route)
  return route.handle({ accept: '', path: url.pathname, query: url.searchParams, signal })
}

for (const [path, message] of [
  ['/v1/tap?status=600x', 'status: expected a status such as 503, or 5xx, found "600x"'],
  ['/v1/tap?maxPerSecond=0', 'maxPerSecond: expected a whole number of 1–1000, found "0"'],
  ['/v1/edges?intervalMs=99', 'intervalMs: expected a whole number of 100–60000, found "99"'],
] as const) {
  test(`${path} is refused with the reason`, async () =>
    assert.deepEqual(await ask(path, new AbortController().signal), {
      kind: 'error',
      status: 400,
      code: 'BAD_REQUEST',
      message,
    }))
}

for (const path of ['/v1/tap', '/v1/edges']) {
  test(`${path} answers in lines, to a bounded number of readers at once`, async () => {
    const stop = new AbortController()
    for (let i = 0; i < 8; i++) assert.equal((await ask(path, stop.signal)).kind, 'lines')
    const ninth = await ask(path, stop.signal)
    assert.equal(ninth.kind === 'error' && ninth.status, 503)
    stop.abort()
    assert.equal((await ask(path, AbortSignal.abort())).kind, 'lines')
  })
}
