import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Explanation } from '@tulle/outputs'
import type { TappedRequest } from '@tulle/waypoint'
import type { Call } from '../conformance/workload/protocol.ts'
import { WaypointLab } from '../support/waypoint-lab.ts'

/** What people are shown of requests is what happens to them. */

let lab: WaypointLab

before(async () => {
  lab = await WaypointLab.start()
})
after(() => lab[Symbol.asyncDispose]())

const maxCalls = 500

/** Calls again and again until a command that watches has seen enough. */
async function callUntil<T>(command: Promise<T>, from: string, change: Partial<Call> = {}): Promise<T> {
  let result: { readonly value: T } | undefined
  const done = command.then((value) => (result = { value }))
  for (let i = 0; i < maxCalls && result === undefined; i++) await lab.status(from, change)
  return (await done).value
}

describe('tulle explain', () => {
  for (const [from, method, path] of [
    ['reader', 'GET', '/books'],
    ['reader', 'GET', '/x/../books/7'],
    ['reader', 'DELETE', '/books'],
    ['reader', 'GET', '/admin'],
    ['guest', 'GET', '/books'],
  ] as const) {
    test(`says of ${method} ${path} by ${from} what the waypoint does`, async () => {
      const asked = ['explain', `shop/${from}`, 'shop/books:80', '--method', method, '--path', path]
      const { stdout, exitCode, stderr } = await lab.folder.tulle(...asked, '-o', 'json')
      // The product's own answer.
      const explanation = JSON.parse(stdout) as Explanation
      const allowed = (await lab.status(from, { method, path })) === 200
      assert.deepEqual([explanation.allowed, exitCode], [allowed, allowed ? 0 : 1], stderr)
      assert.equal(explanation.waypoint?.name, 'shop/tulle-waypoint')
      assert.equal(explanation.waypoint.used, true)
    })
  }

  test('names in words what of the request the nearest rule does not cover', async () => {
    const { stdout } = await lab.folder.tulle(
      'explain',
      'reader',
      'books:80',
      '--method',
      'DELETE',
      '--path',
      '/books',
    )
    assert.match(stdout, /waypoint +shop\/tulle-waypoint: HTTP rules of TrafficTarget shop\/to-books/u)
    assert.match(
      stdout,
      /match read of HTTPRouteGroup books-api: it wants method GET, and the method is DELETE/u,
    )
  })
})

describe('tulle tap', () => {
  test('shows the requests that it is asked for, as they come', async () => {
    const filters = ['--from', 'guest', '--to', 'books', '--verdict', 'refused', '--status', '4xx']
    const tapped = lab.folder.tulle('tap', ...filters, '--count', '2', '-o', 'json')
    await lab.status('reader')
    const { stdout, exitCode } = await callUntil(tapped, 'guest')
    assert.equal(exitCode, 0)
    const lines = stdout.trim().split('\n')
    assert.equal(lines.length, 2)
    for (const line of lines) {
      const { identity, method, path, status, verdict } = JSON.parse(line) as TappedRequest
      assert.match(identity ?? '', /\/ns\/shop\/sa\/guest$/u)
      assert.deepEqual([method, path, status, verdict], ['GET', '/books', 403, 'refused'])
    }
  })

  test('says what a filter can be', async () => {
    const { exitCode, stderr } = await lab.folder.tulle('tap', '--status', 'bad')
    assert.equal(exitCode, 2)
    assert.match(stderr, /status: expected a status such as 503, or 5xx/u)
  })
})

describe('tulle top', () => {
  test('counts who calls whom, once for scripts', async () => {
    const counted = lab.folder.tulle('top', '--once', '--window', '2', '-o', 'json')
    const { stdout, exitCode } = await callUntil(counted, 'reader')
    assert.equal(exitCode, 0)
    const { edges } = JSON.parse(stdout) as {
      readonly edges: readonly {
        readonly source: string
        readonly service: string
        readonly requestsPerSecond: number
        readonly successRate?: number
      }[]
    }
    const edge = edges.find(({ source }) => source.endsWith('/sa/reader'))
    assert.equal(edge?.service, 'shop/books.shop.svc.cluster.local')
    assert.ok(edge.requestsPerSecond > 0)
    assert.equal(edge.successRate, 1)
  })
})
