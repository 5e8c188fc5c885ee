/** An endpoint of a service goes away, or its address comes to belong to another workload, before anybody is told. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { closeFd } from '@tulle/kernel'
import { silentLog } from '@tulle/runtime'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane, ListenerPlan } from './data-plane.ts'
import {
  addressUpdate,
  identityOfAccount,
  policyUpdate,
  startApp,
  testAddress,
  testCertificate,
  testRoot,
  testService,
  testWorkload,
} from './test-mesh.ts'

const root = testRoot()
const folder = mkdtempSync(join(tmpdir(), 'tulle-endpoint-'))
after(() => rmSync(folder, { recursive: true }))

const shopperIp = testAddress(1)
const firstIp = testAddress(2)
const secondIp = testAddress(3)
const vip = '240.240.0.9'
const appPort = 9090
const forwardPort = 9091
const directPort = 9092
const key = 'shop/books.shop.svc.cluster.local'

/** Serves the account at the address, whatever the mesh believes of that address. */
async function serve(
  account: string,
  listeners: ListenerPlan,
  deps: { readonly clock?: Clock; readonly accessLogFd?: number } = {},
): Promise<DataPlane> {
  const { clock = systemClock, ...log } = deps
  const plane = createDataPlane(
    { workers: 0 },
    { log: silentLog, clock, onIdentityNeeded: () => undefined, ...log },
  )
  const enrolled = plane.addWorkload({
    uid: account,
    namespace: 'shop',
    name: account,
    serviceAccount: account,
    netns: undefined,
    listeners,
  })
  const ports = [{ servicePort: 80, targetPort: appPort, appProtocol: 'tcp' } as const]
  const endpoint = { services: new Map([[key, []]]) }
  await plane.apply(policyUpdate([]))
  await plane.apply(
    addressUpdate(
      [
        testWorkload('shopper', shopperIp),
        testWorkload('first', firstIp, endpoint),
        testWorkload('second', secondIp, endpoint),
        // Nobody has told the mesh where it is.
        testWorkload('thief', testAddress(4)),
      ],
      [testService('books', vip, { ports })],
    ),
  )
  await plane.setCertificates([testCertificate({ root, identity: identityOfAccount(account) })])
  await enrolled
  return plane
}

interface Caller extends AsyncDisposable {
  /** Who answers to a call of the service, or of one endpoint; '' when nobody does. */
  ask(port: number): Promise<string>
  open(port: number): Promise<Socket>
  logged(lines: number): Promise<readonly Record<string, unknown>[]>
}

let callers = 0

async function startCaller(): Promise<Caller> {
  const logFile = join(folder, `${callers++}.log`)
  const accessLogFd = openSync(logFile, 'a+')
  const clock = new TestClock(systemClock.nowMs())
  const listen = (port: number): { ip: string; port: number } => ({ ip: shopperIp, port })
  const plane = await serve(
    'shopper',
    {
      fixedOutbound: [
        { listen: listen(forwardPort), destination: { ip: vip, port: 80 } },
        { listen: listen(directPort), destination: { ip: firstIp, port: appPort } },
      ],
    },
    { clock, accessLogFd },
  )
  const call = (port: number): Socket => connect({ host: shopperIp, port, localAddress: shopperIp })
  return {
    ask: (port) => answerOf(call(port)),
    async open(port) {
      const socket = call(port)
      socket.on('error', () => undefined)
      await once(socket, 'data')
      return socket
    },
    async logged(count) {
      for (;;) {
        await clock.advance(100)
        const lines = readFileSync(logFile, 'utf8').split('\n').slice(0, -1)
        if (lines.length >= count) return lines.map((line) => JSON.parse(line) as Record<string, unknown>) // our own
      }
    },
    async [Symbol.asyncDispose]() {
      await plane[Symbol.asyncDispose]()
      closeFd(accessLogFd)
    },
  }
}

function answerOf(socket: Socket): Promise<string> {
  let answer = ''
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString()
    socket.destroy()
  })
  return new Promise((resolve) => socket.once('close', () => resolve(answer)))
}

/** An application that says its name to whoever comes, and how many came. */
async function startNamed(
  name: string,
  address: string,
): Promise<{ readonly came: () => number } & AsyncDisposable> {
  let count = 0
  const app = await startApp(
    address,
    (socket) => {
      count++
      socket.write(name)
      socket.on('end', () => socket.end())
      socket.resume()
    },
    appPort,
  )
  return { came: () => count, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() }
}

const hboneAt = (ip: string): ListenerPlan => ({ hbone: { ip, port: 15_008 } })

test('case 36: an address that belongs to another workload by now gets nothing, and another endpoint answers', async () => {
  await using thiefApp = await startNamed('thief', firstIp)
  await using _secondApp = await startNamed('second', secondIp)
  await using _thief = await serve('thief', hboneAt(firstIp))
  await using _second = await serve('second', hboneAt(secondIp))
  await using caller = await startCaller()
  for (let i = 0; i < 20; i++) assert.equal(await caller.ask(forwardPort), 'second')
  assert.equal(thiefApp.came(), 0)
  const outbound = await caller.logged(20)
  assert.deepEqual([...new Set(outbound.map((line) => line['dst.workload']))], ['second'])
})

test('case 36: a call to that very address is refused, with who was expected and who was found', async () => {
  await using thiefApp = await startNamed('thief', firstIp)
  await using _thief = await serve('thief', hboneAt(firstIp))
  await using caller = await startCaller()
  assert.equal(await caller.ask(directPort), '')
  assert.equal(thiefApp.came(), 0)
  const [line] = await caller.logged(1)
  assert.match(
    String(line?.['error']),
    /expected spiffe:\/\/cluster\.local\/ns\/shop\/sa\/first, found spiffe:\/\/cluster\.local\/ns\/shop\/sa\/thief/u,
  )
})

test('case 36: an endpoint that is gone is passed over while another one is there, and said when none is', async () => {
  await using _secondApp = await startNamed('second', secondIp)
  await using caller = await startCaller()
  {
    await using _second = await serve('second', hboneAt(secondIp))
    for (let i = 0; i < 20; i++) assert.equal(await caller.ask(forwardPort), 'second')
  }
  assert.equal(await caller.ask(forwardPort), '')
  const last = (await caller.logged(21)).at(-1)
  assert.match(String(last?.['error']), /ECONNREFUSED/u)
})

test('case 36: an endpoint that vanishes during a call ends that call, and the next one finds another', async () => {
  await using _firstApp = await startNamed('first', firstIp)
  await using _secondApp = await startNamed('second', secondIp)
  await using caller = await startCaller()
  const first = await serve('first', hboneAt(firstIp))
  const socket = await caller.open(forwardPort)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await using _second = await serve('second', hboneAt(secondIp))
  await first[Symbol.asyncDispose]()
  await closed
  for (let i = 0; i < 20; i++) assert.equal(await caller.ask(forwardPort), 'second')
})
