import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { adminServer, badRequest, json } from './admin-server.ts'
import type { AdminRoute, AdminServer, AdminServerOptions } from './admin-server.ts'
import { snapshots } from './admin-watch.ts'
import { silentLog } from './log.ts'

const forever = new AbortController().signal

class Counter {
  value: number = 0
  readonly #listeners: Set<() => void> = new Set()

  readonly subscribe = (onChange: () => void): Disposable => {
    this.#listeners.add(onChange)
    return { [Symbol.dispose]: () => void this.#listeners.delete(onChange) }
  }

  get listeners(): number {
    return this.#listeners.size
  }

  set(value: number): void {
    this.value = value
    for (const listener of this.#listeners) listener()
  }
}

const counter = new Counter()
const routes: readonly AdminRoute[] = [
  { method: 'GET', path: '/echo', handle: ({ query }) => json({ query: [...query] }) },
  { method: 'POST', path: '/act', handle: () => json({ done: true }) },
  { method: 'GET', path: '/bad', handle: () => badRequest('expected sense') },
  { method: 'GET', path: '/broken', handle: () => Promise.reject(new Error('secret detail')) },
  {
    method: 'GET',
    path: '/text',
    handle: () => ({ kind: 'text', contentType: 'text/plain', text: ['one\n', 'two\n'], status: 503 }),
  },
  {
    method: 'GET',
    path: '/watch',
    handle: ({ signal }) => ({
      kind: 'lines',
      values: snapshots({ subscribe: counter.subscribe, take: () => counter.value }, signal),
    }),
  },
]

async function serve(listen: AdminServerOptions['listen']): Promise<AdminServer> {
  const server = adminServer({ listen, routes }, { clock: new TestClock(), log: silentLog })
  await server.start(forever)
  return server
}

async function ask(options: RequestOptions): Promise<IncomingMessage> {
  const request = httpRequest({ host: '127.0.0.1', agent: false, ...options })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

async function read(options: RequestOptions): Promise<readonly [number | undefined, unknown]> {
  const response = await ask(options)
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  const isJson = response.headers['content-type'] === 'application/json'
  return [response.statusCode, isJson ? JSON.parse(text) : text]
}

async function scratchFolder(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tulle-admin-'))
  stack.defer(() => rm(folder, { recursive: true }))
  return folder
}

test('adminServer() answers with JSON, text, and errors that tell peers no causes', async () => {
  await using server = await serve({ host: '127.0.0.1', port: 0 })
  const { port } = server
  assert.deepEqual(await read({ port, path: '/echo?a=1&b=%20' }), [
    200,
    {
      query: [
        ['a', '1'],
        ['b', ' '],
      ],
    },
  ])
  assert.deepEqual(await read({ port, path: '/text' }), [503, 'one\ntwo\n'])
  assert.deepEqual(await read({ port, path: '/bad' }), [
    400,
    { code: 'BAD_REQUEST', message: 'expected sense' },
  ])
  assert.deepEqual(await read({ port, path: '/broken' }), [
    500,
    { code: 'INTERNAL', message: 'the request failed; see the log' },
  ])
  assert.deepEqual(await read({ port, path: '/nowhere' }), [
    404,
    { code: 'NOT_FOUND', message: 'no such path' },
  ])
  assert.deepEqual(await read({ port, path: '//[' }), [404, { code: 'NOT_FOUND', message: 'no such path' }])
})

test('adminServer() acts on POST only', async () => {
  await using server = await serve({ host: '127.0.0.1', port: 0 })
  const { port } = server
  const refused = await ask({ port, path: '/act' })
  assert.equal(refused.statusCode, 405)
  assert.equal(refused.headers.allow, 'POST')
  assert.deepEqual(await read({ port, path: '/act', method: 'POST' }), [200, { done: true }])
})

test('adminServer() on TCP answers neither other host names nor web pages', async () => {
  await using server = await serve({ host: '127.0.0.1', port: 0 })
  const { port } = server
  const cases: readonly (readonly [Record<string, string>, number])[] = [
    [{ host: `localhost:${port}` }, 200],
    [{ host: `127.0.0.1:${port}` }, 200],
    [{ host: `rebound.example:${port}` }, 403],
    [{ origin: 'https://a.example' }, 403],
  ]
  for (const [headers, status] of cases) {
    const response = await ask({ port, path: '/act', method: 'POST', headers })
    assert.equal(response.statusCode, status, JSON.stringify(headers))
  }
})

test('adminServer() makes its socket private, and replaces one that a killed process left', async () => {
  await using stack = new AsyncDisposableStack()
  const socketPath = join(await scratchFolder(stack), 'admin.sock')
  // A listener whose file stays when it is gone, as after SIGKILL.
  const dead = createServer().listen(`${socketPath}.dead`)
  await once(dead, 'listening')
  await rename(`${socketPath}.dead`, socketPath)
  dead.close()
  await once(dead, 'close')
  const server = stack.use(await serve({ socketPath }))
  assert.equal(server.port, 0)
  assert.equal((await stat(socketPath)).mode & 0o777, 0o600)
  assert.deepEqual(await read({ socketPath, path: '/echo' }), [200, { query: [] }])
})

test('adminServer() leaves a socket alone on which somebody answers', async () => {
  await using stack = new AsyncDisposableStack()
  const socketPath = join(await scratchFolder(stack), 'admin.sock')
  stack.use(await serve({ socketPath }))
  await assert.rejects(serve({ socketPath }), { code: 'ADMIN_SOCKET_IN_USE' })
  assert.deepEqual(await read({ socketPath, path: '/echo' }), [200, { query: [] }])
})

test('adminServer() says when a path is too long for a socket, or a port taken', async () => {
  await assert.rejects(serve({ socketPath: `/tmp/${'x'.repeat(110)}` }), {
    code: 'ADMIN_SOCKET_PATH_TOO_LONG',
  })
  await using server = await serve({ host: '127.0.0.1', port: 0 })
  await assert.rejects(serve({ host: '127.0.0.1', port: server.port }), { code: 'ADMIN_LISTEN_FAILED' })
})

test('adminServer() writes a line for each change, and lets go when the peer does', async () => {
  await using server = await serve({ host: '127.0.0.1', port: 0 })
  counter.value = 1
  const response = await ask({ port: server.port, path: '/watch' })
  const lines = response.setEncoding('utf8')[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, '1\n')
  counter.set(2)
  assert.equal((await lines.next()).value, '2\n')
  assert.equal(counter.listeners, 1)
  await server.drain(1000)
  assert.equal((await lines.next()).done, true)
  assert.equal(counter.listeners, 0)
})

test('snapshots() gives a slow reader the newest value and none in between', async () => {
  const own = new Counter()
  const values = snapshots({ subscribe: own.subscribe, take: () => own.value }, forever)
  assert.equal((await values.next()).value, 0)
  for (let value = 1; value <= 100; value++) own.set(value)
  assert.equal((await values.next()).value, 100)
  const waiting = values.next()
  own.set(101)
  assert.equal((await waiting).value, 101)
  await values.return()
  assert.equal(own.listeners, 0)
})
