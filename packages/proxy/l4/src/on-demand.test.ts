/** A node that knows nothing of the mesh but what its connections made it ask for. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import { closeFd } from '@tulle/kernel'
import type { ResourceUpdate } from '@tulle/mesh-xds'
import { silentLog } from '@tulle/runtime'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane, DataPlaneDeps } from './data-plane.ts'
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
const folder = mkdtempSync(join(tmpdir(), 'tulle-on-demand-'))
after(() => rmSync(folder, { recursive: true }))

const shopperIp = testAddress(11)
const booksIp = testAddress(12)
const outsideIp = testAddress(13)
const vip = '240.240.0.11'
const appPort = 9190
const [servicePort, outsidePort] = [9191, 9192]
const ports = [{ servicePort: 80, targetPort: appPort, appProtocol: 'tcp' } as const]
const service = testService('books', vip, { ports })
const books = testWorkload('books', booksIp, {
  services: new Map([['shop/books.shop.svc.cluster.local', []]]),
})

const enrol = (uid: string) => ({ uid, namespace: 'shop', name: uid, serviceAccount: uid, netns: undefined })

async function serveBooks(): Promise<DataPlane> {
  const plane = createDataPlane(
    { workers: 0 },
    { log: silentLog, clock: systemClock, onIdentityNeeded: () => undefined },
  )
  const enrolled = plane.addWorkload({
    ...enrol('books'),
    listeners: { hbone: { ip: booksIp, port: 15_008 } },
  })
  await plane.apply(policyUpdate([]))
  await plane.apply(addressUpdate([testWorkload('shopper', shopperIp), books], [service]))
  await plane.setCertificates([testCertificate({ root, identity: identityOfAccount('books') })])
  await enrolled
  return plane
}

/** Calls from the shopper; `answer` is the control plane: what it says of a name, `undefined` for nothing. */
class Shopper implements AsyncDisposable {
  readonly clock: TestClock = new TestClock(systemClock.nowMs())
  readonly asked: string[] = []
  readonly plane: DataPlane
  readonly #logFile: string = join(folder, `${process.hrtime.bigint()}.log`)
  readonly #fd: number = openSync(this.#logFile, 'a+')

  private constructor(workers: number, answer: NonNullable<DataPlaneDeps['onAddressNeeded']>) {
    this.plane = createDataPlane(
      { workers },
      {
        log: silentLog,
        clock: this.clock,
        accessLogFd: this.#fd,
        onIdentityNeeded: () => undefined,
        onAddressNeeded: (name) => {
          this.asked.push(name)
          return answer(name)
        },
      },
    )
  }

  static async start(
    answer: (name: string) => ResourceUpdate | undefined | Promise<never>,
    workers: number = 0,
  ): Promise<Shopper> {
    const shopper: Shopper = new Shopper(workers, async (name) => {
      const update = await answer(name)
      if (update !== undefined) await shopper.plane.apply(update)
    })
    const enrolled = shopper.plane.addWorkload({
      ...enrol('shopper'),
      listeners: {
        fixedOutbound: [
          { listen: { ip: shopperIp, port: servicePort }, destination: { ip: vip, port: 80 } },
          {
            listen: { ip: shopperIp, port: outsidePort },
            destination: { ip: outsideIp, port: appPort },
          },
        ],
      },
    })
    await shopper.plane.apply(policyUpdate([]))
    await shopper.plane.apply(addressUpdate([testWorkload('shopper', shopperIp)]))
    await shopper.plane.setCertificates([testCertificate({ root, identity: identityOfAccount('shopper') })])
    await enrolled
    return shopper
  }

  /** The first bytes that the other side sends; '' where it hangs up. */
  async ask(port: number): Promise<string> {
    const socket = connect({ host: shopperIp, port, localAddress: shopperIp })
    socket.on('error', () => undefined)
    let answer = ''
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString()
      socket.destroy()
    })
    await once(socket, 'close')
    return answer
  }

  async logged(count: number): Promise<readonly Record<string, unknown>[]> {
    for (;;) {
      await this.clock.advance(100)
      const lines = readFileSync(this.#logFile, 'utf8').split('\n').slice(0, -1)
      if (lines.length >= count) return lines.map((line) => JSON.parse(line) as Record<string, unknown>) // our own
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane[Symbol.asyncDispose]()
    closeFd(this.#fd)
  }
}

const named = (name: string, address: string) =>
  startApp(
    address,
    (socket) => {
      socket.write(name)
      socket.on('end', () => socket.end())
      socket.resume()
    },
    appPort,
  )

for (const workers of [0, 2]) {
  test(`a service is asked for when it is called first, and once for all callers (${workers} workers)`, async () => {
    await using _app = await named('books', booksIp)
    await using _books = await serveBooks()
    await using shopper = await Shopper.start(
      (name) => (name === `/${vip}` ? addressUpdate([books], [service]) : undefined),
      workers,
    )
    const answers = await Promise.all(Array.from({ length: 8 }, () => shopper.ask(servicePort)))
    assert.deepEqual([...new Set(answers)], ['books'])
    assert.ok(shopper.asked.length <= Math.max(1, workers), shopper.asked.join())
    assert.equal(await shopper.ask(servicePort), 'books')
    assert.deepEqual([...new Set(shopper.asked)], [`/${vip}`])
    for (const line of await shopper.logged(9)) assert.equal(line['dst.workload'], 'books')
  })
}

test('an address that stands for nothing is passed on as it is, and not asked for again for a while', async () => {
  await using _app = await named('outside', outsideIp)
  await using shopper = await Shopper.start(() => undefined)
  assert.equal(await shopper.ask(outsidePort), 'outside')
  assert.equal(await shopper.ask(outsidePort), 'outside')
  assert.deepEqual(shopper.asked, [`/${outsideIp}`])
  await shopper.clock.advance(5000)
  assert.equal(await shopper.ask(outsidePort), 'outside')
  assert.deepEqual(shopper.asked, [`/${outsideIp}`, `/${outsideIp}`])
})

test('what comes to stand behind an address counts at once, whatever was said of it before', async () => {
  await using _app = await named('outside', outsideIp)
  await using shopper = await Shopper.start(() => undefined)
  assert.equal(await shopper.ask(outsidePort), 'outside')
  // In the mesh by now, and nobody answers HBONE there: no plaintext reaches it.
  await shopper.plane.apply(addressUpdate([testWorkload('moved', outsideIp)]))
  assert.equal(await shopper.ask(outsidePort), '')
  assert.deepEqual(shopper.asked, [`/${outsideIp}`])
})

test('without an answer a connection waits no longer than its time, and is refused, not sent in the clear', async () => {
  await using _app = await named('outside', outsideIp)
  const asked = Promise.withResolvers<void>()
  await using shopper = await Shopper.start(() => {
    asked.resolve()
    return Promise.withResolvers<never>().promise
  })
  const answer = shopper.ask(outsidePort)
  await asked.promise
  await shopper.clock.advance(4999)
  await shopper.clock.advance(2)
  assert.equal(await answer, '')
  const [line] = await shopper.logged(1)
  assert.match(String(line?.['error']), /^not-answered: the control plane has not said what/u)
})

test('connections that wait for an answer end with their workload', async () => {
  const asked = Promise.withResolvers<void>()
  await using shopper = await Shopper.start(() => {
    asked.resolve()
    return Promise.withResolvers<never>().promise
  })
  const answers = Promise.all([shopper.ask(outsidePort), shopper.ask(outsidePort)])
  await asked.promise
  await shopper.plane.removeWorkload('shopper')
  assert.deepEqual(await answers, ['', ''])
})

test('where nobody can be asked, a connection is refused at once', async () => {
  await using _app = await named('outside', outsideIp)
  await using shopper = await Shopper.start(() => Promise.reject(new Error('too many')))
  assert.equal(await shopper.ask(outsidePort), '')
  const [line] = await shopper.logged(1)
  assert.match(String(line?.['error']), /^not-answered: /u)
})
