/** The whole path in network namespaces with redirection: application, capture, two proxies, application. */
import assert from 'node:assert/strict'
import { openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import {
  closeFd,
  connectTcpFd,
  installCapture,
  listenTcp,
  newNetns,
  openTcpSocket,
  proxyMark,
  withRtnetlink,
} from '@tulle/kernel'
import type { AuthorizationPolicy } from '@tulle/policy'
import { silentLog } from '@tulle/runtime'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane } from './data-plane.ts'
import {
  addressUpdate,
  allowPolicy,
  identityOfAccount,
  ip,
  policyUpdate,
  principals,
  testCertificate,
  testRoot,
  testWorkload,
} from './test-mesh.ts'

const shopperIp = '10.77.9.1'
const booksIp = '10.77.9.2'
const appPort = 9000
const root = testRoot()

interface AskOptions {
  readonly mark?: number
  readonly to?: string
  readonly port?: number
  readonly from?: 'shopper' | 'books'
}

interface World extends AsyncDisposable {
  readonly plane: DataPlane
  /** What the application at `books` answers to a caller in the shopper's namespace; '' where it was refused. */
  ask(options?: AskOptions): Promise<string>
  logged(lines: number): Promise<readonly Record<string, unknown>[]>
}

/** Two namespaces joined by a veth, both captured, served by one data plane. */
async function startWorld(policies: readonly AuthorizationPolicy[], workers: number = 0): Promise<World> {
  const shopper = newNetns()
  const books = newNetns()
  withRtnetlink(shopper, (route) => route.addVeth({ name: 'eth0' }, { name: 'eth0', netns: books }))
  for (const [netns, address] of [
    [shopper, shopperIp],
    [books, booksIp],
  ] as const) {
    withRtnetlink(netns, (route) => {
      route.setLink('lo', { up: true })
      route.setLink('eth0', { up: true })
      route.addAddress({ link: 'eth0', address, prefixLength: 24 })
    })
    installCapture({ netns })
  }
  const app = answering(books)
  const logFile = join(tmpdir(), `tulle-capture-${process.pid}-${books}.log`)
  const clock = new TestClock(systemClock.nowMs())
  const logFd = openSync(logFile, 'a+')
  const deps = { log: silentLog, clock, accessLogFd: logFd, onIdentityNeeded: () => undefined }
  const plane = createDataPlane({ workers }, deps)
  const enrolled = [['shopper', shopper] as const, ['books', books] as const].map(([uid, netns]) =>
    plane.addWorkload({ uid, namespace: 'shop', name: uid, serviceAccount: uid, netns }),
  )
  await plane.apply(policyUpdate(policies))
  await plane.apply(
    addressUpdate([
      testWorkload('shopper', shopperIp),
      testWorkload('books', booksIp, { policies: policies.map(({ name }) => `shop/${name}`) }),
    ]),
  )
  await plane.setCertificates(
    ['shopper', 'books'].map((name) => testCertificate({ root, identity: identityOfAccount(name) })),
  )
  await Promise.all(enrolled)
  return {
    plane,
    ask(options = {}) {
      const { mark, to: host = booksIp, port = appPort, from } = options
      const netns = from === 'books' ? books : shopper
      const fd = openTcpSocket({ netns, family: 4, ...(mark !== undefined && { mark }) })
      return answerOf(connectTcpFd({ fd, host, port }))
    },
    async logged(count) {
      for (;;) {
        await clock.advance(100)
        const lines = readFileSync(logFile, 'utf8').split('\n').slice(0, -1)
        if (lines.length >= count) return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      }
    },
    async [Symbol.asyncDispose]() {
      await plane[Symbol.asyncDispose]()
      await new Promise((resolve) => app.close(resolve))
      for (const fd of [shopper, books, logFd]) closeFd(fd)
      rmSync(logFile)
    },
  }
}

/** Says who called, as the application sees it. */
function answering(netns: number): Server {
  const fd = listenTcp({ netns, address: '0.0.0.0', port: appPort })
  return createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    socket.resume()
    socket.on('end', () => socket.end(`called by ${socket.remoteAddress}`))
  }).listen({ fd })
}

function answerOf(socket: Socket): Promise<string> {
  let answer = ''
  socket.on('data', (bytes: Buffer) => (answer += bytes.toString()))
  socket.on('error', () => undefined)
  socket.on('end', () => socket.destroy())
  socket.end('who am I?')
  return new Promise((resolve) => socket.once('close', () => resolve(answer)))
}

for (const workers of [0, 2]) {
  test(`captured traffic travels over HBONE and keeps its source address, ${workers} threads`, async () => {
    await using world = await startWorld([allowPolicy('books', principals('shopper'))], workers)
    const answers = await Promise.all(Array.from({ length: 8 }, () => world.ask()))
    assert.deepEqual(new Set(answers), new Set([`called by ${shopperIp}`]))
    const { families } = await world.plane.metrics()
    const opened = families.find((family) => family.name === 'istio_tcp_connections_opened')
    const mutual = opened?.series.filter((one) => one.labels.includes('mutual_tls')) ?? []
    assert.equal(
      mutual.reduce((sum, one) => sum + (one.values[0] ?? 0), 0),
      16,
    )
  })
}

test('a captured caller that policy does not allow is refused', async () => {
  await using world = await startWorld([allowPolicy('books', principals('librarian'))])
  assert.equal(await world.ask(), '')
  const inbound = (await world.logged(2)).find((line) => line['direction'] === 'inbound')
  assert.equal(inbound?.['error'], 'no-allow-rule shop/books')
  assert.equal(inbound?.['src'], `${shopperIp}:${String(inbound?.['src']).split(':')[1]}`)
})

test('plaintext that goes around its own proxy is captured at the destination and refused', async () => {
  await using world = await startWorld([allowPolicy('books', principals('shopper'))])
  assert.equal(await world.ask({ mark: proxyMark }), '')
  const [line] = await world.logged(1)
  assert.equal(line?.['direction'], 'inbound')
  assert.equal(line?.['verdict'], 'refused')
  assert.equal(line?.['dst'], `${booksIp}:${appPort}`)
})

test('plaintext that policy allows reaches the application with its source address', async () => {
  const anyone = allowPolicy('books', { sourceIps: [{ address: ip(shopperIp), prefixBits: 32 }] })
  await using world = await startWorld([anyone])
  assert.equal(await world.ask({ mark: proxyMark }), `called by ${shopperIp}`)
})

const ways: Readonly<Record<string, AskOptions>> = {
  'a workload that is captured': {},
  'a caller that goes around its own proxy': { mark: proxyMark },
  'the workload itself': { from: 'books' },
  'the workload itself, over loopback': { from: 'books', to: '127.0.0.1' },
  'the workload itself, around its proxy': { from: 'books', mark: proxyMark },
}

for (const [who, options] of Object.entries(ways)) {
  test(`ports of the proxy lead ${who} nowhere: no loop, and no way around policy`, async () => {
    await using world = await startWorld([allowPolicy('books', principals('librarian'))])
    for (const port of [15_001, 15_006, 15_008]) {
      assert.equal(await world.ask({ ...options, port }), '', `port ${port}`)
    }
    assert.deepEqual(await world.plane.connections(), [])
    const { families } = await world.plane.metrics()
    const opened = families.find((family) => family.name === 'istio_tcp_connections_opened')
    assert.deepEqual(opened?.series, [])
  })
}
