import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sayRaw } from '../support/attacker.ts'
import { answerPatienceMs, until } from '../support/waiting.ts'
import { bindingRoute, booksRules, meshMode, tcpRules, WaypointLab } from '../support/waypoint-lab.ts'

/** A waypoint judges all that is bound to it, by all the rules there are; and where it is away, nobody does. */

let lab: WaypointLab

before(async () => {
  lab = await WaypointLab.start()
})
after(() => lab[Symbol.asyncDispose]())

interface AccessLine {
  readonly path: string
  readonly status: number
  readonly verdict: string
  readonly would_refuse?: string
  readonly 'src.identity'?: string
}

function accessLines(): readonly AccessLine[] {
  const text = readFileSync(join(lab.folder.state.logs, 'tulle-waypoint.access.log'), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AccessLine) // the product's own lines
}

const id = (value: string): readonly [string, string] => ['x-echo-id', value]

describe('rules at the waypoint', () => {
  test('a request passes by its method, path and caller, and by nothing else', async () => {
    const answer = await lab.call('reader', { headers: [id('allowed')] })
    assert.equal(answer.status, 200, answer.error)
    assert.equal(answer.received?.by, 'books')
    assert.equal(await lab.status('reader', { path: '/books/7?page=2' }), 200)
    assert.equal(await lab.status('reader', { method: 'DELETE', headers: [id('method')] }), 403)
    assert.equal(await lab.status('reader', { path: '/admin', headers: [id('path')] }), 403)
    assert.equal(await lab.status('reader', { path: '/books/7/pages', headers: [id('end')] }), 403)
    assert.equal(await lab.status('guest', { headers: [id('caller')] }), 403)
    assert.equal(await lab.status('reader', { protocol: 'http2' }), 200)
    assert.equal(await lab.status('guest', { protocol: 'http2', headers: [id('caller')] }), 403)
    for (const refused of ['method', 'path', 'end', 'caller'])
      assert.deepEqual(await lab.received('books', refused), [], refused)
  })

  test('a gRPC call that is refused ends with status 7, in trailers alone', async () => {
    const answer = await lab.call('reader', {
      protocol: 'grpc',
      method: 'POST',
      path: '/shop.Books/Read',
      body: 'x',
      headers: [id('grpc')],
    })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.find(([name]) => name === 'grpc-status')?.[1], '7')
    assert.deepEqual([answer.trailers, answer.body], [[], ''])
    assert.deepEqual(await lab.received('books', 'grpc'), [])
  })

  test('rules of TCP alone hold at the waypoint too, for requests and for streams', async () => {
    assert.equal(await lab.status('reader', { host: 'till', path: '/anything', method: 'DELETE' }), 200)
    assert.equal(await lab.status('guest', { host: 'till', headers: [id('till')] }), 403)
    assert.equal(await lab.greeting('reader', 'till'), 'till')
    assert.equal(await lab.greeting('guest', 'till'), '')
    assert.deepEqual(await lab.received('till', 'till'), [])
  })

  test('bytes that are no HTTP never pass where rules read requests', async () => {
    // Its other port is of TCP, where the server would speak first.
    assert.equal(await lab.greeting('reader', 'books'), '')
    const reader = await lab.mesh.pidOf('shop/reader')
    const host = await lab.serviceAddress('books')
    const before = await lab.received('books', '')
    for (const bytes of [
      '\x16\x03\x01\x00\x05hello',
      'get /books HTTP/1.1\r\nhost: books\r\n\r\n',
      '\r\n\0\0',
    ]) {
      const said = await sayRaw({ pid: reader, host, port: 80 }, bytes)
      assert.match(said, /^(?:HTTP\/1\.1 400 [^]*)?\[closed\]$/u, JSON.stringify(bytes))
    }
    assert.deepEqual(await lab.received('books', ''), before)
  })
})

describe('a route', () => {
  test('grants no access: a copy of a request reaches only whom its caller may call', async (t) => {
    const mirror = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'books', port: 80 } } }
    lab.folder.write(
      'till-route.yaml',
      bindingRoute('till', [{ filters: [mirror], backendRefs: [{ name: 'till', port: 80 }] }]),
    )
    t.after(async () => {
      lab.folder.write('till-route.yaml', bindingRoute('till'))
      await lab.settle()
    })
    await lab.settle()
    const till = { host: 'till', headers: [id('copies')] }
    assert.equal(await lab.status('reader', { ...till, path: '/admin' }), 200)
    assert.equal(await lab.status('reader', { ...till, path: '/books', method: 'DELETE' }), 200)
    assert.equal(await lab.status('reader', { ...till, path: '/books/copied' }), 200)
    const copies = await until(
      async () => {
        const all = await lab.received('books', 'copies')
        return all.length === 0 ? undefined : all
      },
      () => 'the copy that is admitted arrives',
    )
    assert.deepEqual(
      copies.map(({ method, target }) => `${method} ${target}`),
      ['GET /books/copied'],
    )
  })
})

describe('rules that change', () => {
  test('hold for the next request of a connection that is open', async () => {
    const kept = { connection: 'kept' }
    const first = await lab.call('reader', kept)
    assert.equal(first.status, 200)
    lab.folder.write('books-rules.yaml', booksRules({ readers: ['guest'] }))
    await lab.settle()
    const second = await lab.call('reader', kept)
    assert.deepEqual([second.status, second.localPort], [403, first.localPort])
    lab.folder.write('books-rules.yaml', booksRules({ readers: ['reader'], methods: ['GET', 'DELETE'] }))
    await lab.settle()
    const third = await lab.call('reader', { ...kept, method: 'DELETE' })
    assert.deepEqual([third.status, third.localPort], [200, first.localPort])
    lab.folder.write('books-rules.yaml', booksRules({ readers: ['reader'] }))
    await lab.settle()
    assert.equal(await lab.status('reader', { ...kept, method: 'DELETE' }), 403)
  })

  test('end streams that they no longer admit', async () => {
    assert.equal(await lab.greeting('reader', 'till', 'stream'), 'till')
    const alive = async (): Promise<boolean> =>
      (await lab.client('reader').do('tcpAlive', { id: 'stream', withinMs: answerPatienceMs })).alive
    assert.equal(await alive(), true)
    lab.folder.write('till-rules.yaml', tcpRules('till', ['auditor'], [8080, 9090]))
    await lab.settle()
    assert.equal(await alive(), false)
    assert.equal(await lab.greeting('reader', 'till'), '')
    lab.folder.write('till-rules.yaml', tcpRules('till', ['reader'], [8080, 9090]))
    await lab.settle()
    assert.equal(await lab.greeting('reader', 'till'), 'till')
  })

  test('that only audit let everything pass, and the log says what they would refuse', async (t) => {
    lab.folder.write('mesh.yaml', meshMode('audit'))
    t.after(async () => {
      lab.folder.write('mesh.yaml', meshMode('enforce-selected'))
      await lab.settle()
      assert.equal(await lab.status('guest'), 403)
    })
    await lab.settle()
    assert.equal(await lab.status('guest', { path: '/books/audited' }), 200)
    assert.equal(await lab.status('reader', { path: '/books/fine' }), 200)
    assert.equal(await lab.greeting('guest', 'till'), 'till')
    const line = await until(
      () => {
        const all = accessLines()
        const audited = all.find(({ path }) => path === '/books/audited')
        const fine = all.find(({ path }) => path === '/books/fine')
        return audited === undefined || fine === undefined ? undefined : { audited, fine }
      },
      () => 'the waypoint logs both requests',
    )
    assert.equal(line.audited.would_refuse, 'shop/smi.to-books')
    assert.equal(line.audited['src.identity'], 'spiffe://cluster.local/ns/shop/sa/guest')
    assert.equal(line.fine.would_refuse, undefined)
  })
})

describe('a waypoint that is away', () => {
  test('is missed: a request in flight fails, nothing passes around it, and the next process serves', async () => {
    const pid = lab.waypointPid()
    assert.ok(pid !== undefined)
    // Stopped it neither answers nor ends: nobody may find another way.
    process.kill(pid, 'SIGSTOP')
    const inFlight = lab.call('reader', { headers: [id('in flight')] })
    const late = await lab.call('reader', { headers: [id('stopped')], withinMs: 1500 })
    assert.equal(late.status, 0)
    const since = lab.mesh.lines.mark
    process.kill(pid, 'SIGKILL')
    assert.equal((await inFlight).status, 0)
    await lab.mesh.lines.find(/ tulle-waypoint +was killed by SIGKILL; starting it again/u, { since })
    const answer = await until(
      async () => {
        const one = await lab.call('reader', { headers: [id('meanwhile')] })
        const refused = await lab.status('guest', { headers: [id('guest')] })
        assert.ok(refused === 403 || refused === 0, `guest is answered ${refused}`)
        return one.status === 200 ? one : undefined
      },
      () => 'the next process serves',
    )
    assert.equal(answer.received?.by, 'books')
    for (const gone of ['in flight', 'stopped', 'guest'])
      assert.deepEqual(await lab.received('books', gone), [], gone)
    const via = await lab.waypointAddress()
    assert.notEqual(via, '')
  })

  test('that nothing needs any more leaves, and callers go to the service itself', async () => {
    // A route alone needs it from here on: what has HTTP rules stays bound whatever else changes.
    lab.folder.write('books-rules.yaml', '')
    await lab.settle()
    assert.deepEqual(
      (await lab.waypoints()).map(({ reasons }) => reasons),
      [['routes of Service shop/till are read by it']],
    )
    const before = await lab.call('reader', { host: 'till', connection: 'over' })
    assert.equal(before.status, 200)
    lab.folder.write('till-route.yaml', '')
    await lab.settle()
    assert.deepEqual(await lab.waypoints(), [])
    assert.equal(await lab.status('reader', { host: 'till' }), 200)
    assert.equal(await lab.status('guest', { host: 'till' }), 0)
    await until(
      () => (lab.waypointPid() === undefined ? true : undefined),
      () => 'the process of the waypoint ends',
    )
    assert.equal(await lab.status('reader', { host: 'till' }), 200)
    lab.folder.write('till-route.yaml', bindingRoute('till'))
    lab.folder.write('books-rules.yaml', booksRules({ readers: ['reader'] }))
    await lab.settle()
    assert.equal(await lab.status('reader', { host: 'till' }), 200)
    assert.equal(await lab.status('reader'), 200)
    assert.equal(await lab.status('guest'), 403)
  })
})
