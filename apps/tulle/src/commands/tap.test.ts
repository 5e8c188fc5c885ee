import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import { adminServer, silentLog } from '@tulle/runtime'
import type { AdminRoute } from '@tulle/runtime'
import type { EdgeLine, TappedRequest } from '@tulle/waypoint'
import { createStyle } from '../output/style.ts'
import { stateFolder } from '../state-folder.ts'
import type { StateFolder } from '../state-folder.ts'
import { followWaypoints } from './follow-waypoints.ts'
import { tap } from './tap.ts'
import { tapLine } from './tap-line.ts'
import { top } from './top.ts'

const style = createStyle(false)
const request: TappedRequest = {
  time: '2026-01-02T03:04:05.678Z',
  identity: 'spiffe://td/ns/shop/sa/reader',
  address: '10.77.1.2:40000',
  method: 'GET',
  host: 'books.shop',
  path: '/books/1',
  version: '1.1',
  service: 'shop/books.shop.svc.cluster.local',
  endpoint: '10.77.1.3:8080',
  status: 200,
  durationMs: 1.25,
  attempts: 1,
  requestBytes: 0,
  responseBytes: 12,
  verdict: 'allowed',
  flags: '-',
}

describe('tapLine()', () => {
  for (const [name, more, expected] of [
    ['a request', {}, 'books.shop/books/1 → shop/books 10.77.1.3:8080 200 1.25 ms allowed'],
    [
      'the backend that the route chose, and a failure',
      {
        backend: 'shop/books-v2.shop.svc.cluster.local',
        status: 503,
        grpcStatus: '14',
        attempts: 3,
        verdict: 'failed',
        flags: 'UF',
        reason: 'no_connection',
        route: 'HTTPRoute shop/canary rule 0',
      },
      'books.shop/books/1 → shop/books-v2 10.77.1.3:8080 503 grpc 14 1.25 ms (3 attempts) failed no_connection UF HTTPRoute shop/canary rule 0',
    ],
    [
      'a refusal',
      { status: 403, verdict: 'refused', policy: 'shop/books', flags: 'UAEX', wouldRefuse: 'shop/other' },
      'books.shop/books/1 → shop/books 10.77.1.3:8080 403 1.25 ms refused by shop/books UAEX (would be refused by shop/other)',
    ],
  ] as const) {
    it(`says ${name}`, () =>
      assert.equal(tapLine({ ...request, ...more }, style), `03:04:05.678 shop/reader GET ${expected}`))
  }

  it('says who shows no identity', () => {
    const { identity: _, ...anonymous } = request
    assert.match(tapLine(anonymous, style), /^03:04:05.678 10\.77\.1\.2:40000 \(no identity\) GET /u)
  })
})

interface Known {
  readonly key: string
  readonly node: string
}

/** A control plane that knows one waypoint; resolves with its socket. */
async function control(t: TestContext, { root }: StateFolder, view: Known): Promise<string> {
  async function* lists(): AsyncGenerator<unknown> {
    yield { revision: 1, items: [view] }
    await new Promise(() => undefined)
  }
  const socketPath = join(root, `${view.node}.control`)
  const route: AdminRoute = {
    method: 'GET',
    path: '/v1/waypoints',
    handle: () => ({ kind: 'lines', values: lists() }),
  }
  const server = adminServer(
    { listen: { socketPath }, routes: [route] },
    { clock: systemClock, log: silentLog },
  )
  await server.start(new AbortController().signal)
  t.after(() => server.drain(0))
  return socketPath
}

/** A mesh of one waypoint. */
async function serve(t: TestContext, routes: readonly AdminRoute[]): Promise<StateFolder> {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-tap-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const state = stateFolder(folder)
  const node = 'waypoint_shop_gate'
  mkdirSync(state.node(node).root, { recursive: true })
  const { adminSocket } = state.node(node)
  const waypoint = adminServer(
    { listen: { socketPath: adminSocket }, routes },
    { clock: systemClock, log: silentLog },
  )
  await waypoint.start(new AbortController().signal)
  t.after(() => waypoint.drain(0))
  return { ...state, controlSocket: await control(t, state, { key: 'shop/gate', node }) }
}

function common(state: StateFolder): Omit<Parameters<typeof tap>[0], 'filter' | 'maxPerSecond' | 'count'> {
  const { signal } = new AbortController()
  const onNews = (): void => undefined
  return { state, output: 'json', style, clock: systemClock, out: new PassThrough(), onNews, signal }
}

function collected(): { readonly out: PassThrough; text(): string } {
  const out = new PassThrough()
  const chunks: string[] = []
  out.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
  return { out, text: () => chunks.join('') }
}

describe('tap()', () => {
  it('asks each waypoint for what matches, and ends after so many', async (t) => {
    let asked = ''
    const state = await serve(t, [
      {
        method: 'GET',
        path: '/v1/tap',
        handle: ({ query }) => {
          asked = query.toString()
          const lines = [request, { dropped: 3 }, { ...request, path: '/b' }, request]
          return { kind: 'lines', values: lines.values() as unknown as AsyncIterable<unknown> }
        },
      },
    ])
    const { out, text } = collected()
    await tap({ ...common(state), out, filter: { to: 'books', status: '5xx' }, maxPerSecond: 7, count: 2 })
    assert.equal(asked, 'to=books&status=5xx&maxPerSecond=7')
    const lines = text().trim().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [
        { waypoint: 'shop/gate', ...request },
        { waypoint: 'shop/gate', dropped: 3 },
        { waypoint: 'shop/gate', ...request, path: '/b' },
      ],
    )
  })

  it('ends with what the waypoint has against the question', async (t) => {
    const refusal = {
      kind: 'error',
      status: 400,
      code: 'BAD_REQUEST',
      message: 'status: expected one',
    } as const
    const state = await serve(t, [{ method: 'GET', path: '/v1/tap', handle: () => refusal }])
    const asked = tap({ ...common(state), filter: { status: 'x' }, maxPerSecond: 1, count: 0 })
    await assert.rejects(asked, { message: 'status: expected one', exitCode: 2 })
  })

  it('ends when its reader does', async (t) => {
    async function* forever(): AsyncGenerator<unknown> {
      for (;;) yield request
    }
    const state = await serve(t, [
      { method: 'GET', path: '/v1/tap', handle: () => ({ kind: 'lines', values: forever() }) },
    ])
    const out = new PassThrough()
    out.once('data', () => out.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })))
    await tap({ ...common(state), out, filter: {}, maxPerSecond: 1, count: 0 })
  })
})

describe('followWaypoints()', () => {
  it('says that a waypoint does not answer, and reads from it when it does', async (t) => {
    const state = await serve(t, [])
    const clock = new TestClock()
    const stop = new AbortController()
    const news: string[] = []
    const seen: unknown[] = []
    const late = adminServer(
      {
        listen: { socketPath: state.node('late').adminSocket },
        routes: [
          {
            method: 'GET',
            path: '/v1/tap',
            handle: () => ({ kind: 'lines', values: [1].values() as unknown as AsyncIterable<unknown> }),
          },
        ],
      },
      { clock: systemClock, log: silentLog },
    )
    t.after(() => late.drain(0))
    mkdirSync(state.node('late').root, { recursive: true })
    await followWaypoints<number>({
      state: { ...state, controlSocket: await control(t, state, { key: 'shop/late', node: 'late' }) },
      path: '/v1/tap',
      clock,
      signal: stop.signal,
      onLine: async (waypoint, line) => {
        seen.push([waypoint, line])
        stop.abort()
      },
      onNews: (text) => {
        news.push(text)
        late.start(stop.signal).then(() => clock.advance(1000), assert.fail)
      },
    })
    assert.deepEqual(news, ['waypoint shop/late does not answer yet'])
    assert.deepEqual(seen, [['shop/late', 1]])
  })
})

describe('top()', () => {
  it('answers once when the window is full', async (t) => {
    const edge = {
      source: 'a',
      service: 'b',
      requests: 4,
      failures: 1,
      refusals: 0,
      latencies: [[0, 4]] as const,
    }
    const line: EdgeLine = { intervalMs: 500, edges: [edge], others: 0 }
    const lines = [line, line, line]
    const state = await serve(t, [
      {
        method: 'GET',
        path: '/v1/edges',
        handle: () => ({ kind: 'lines', values: lines.values() as unknown as AsyncIterable<unknown> }),
      },
    ])
    const { out, text } = collected()
    await top({ ...common(state), out, windowMs: 1000, once: true, screenRows: undefined })
    assert.deepEqual(JSON.parse(text()), {
      windowMs: 1000,
      othersPerSecond: 0,
      edges: [
        {
          source: 'a',
          service: 'b',
          requestsPerSecond: 8,
          successRate: 0.75,
          refusedPerSecond: 0,
          p50Ms: 0,
          p95Ms: 0,
          p99Ms: 0,
        },
      ],
    })
  })
})
