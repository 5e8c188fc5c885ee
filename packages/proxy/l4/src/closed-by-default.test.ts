/** design.md §4, "closed by default in doubt", at the data path: each test is a sentence of it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import { closeFd, listenTcp } from '@tulle/kernel'
import { addressType, authorizationType } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import { createLog, silentLog } from '@tulle/runtime'
import type { Log } from '@tulle/runtime'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane, ListenerPlan } from './data-plane.ts'
import {
  addressUpdate,
  allowPolicy,
  hourMs,
  policyUpdate,
  principals,
  startApp,
  testAddress,
  testWorkload,
} from './test-mesh.ts'
import { clientHello, RawPeer, request, tlsOptions } from './test-raw-hbone.ts'
import { certificateOf, planeOf } from './test-wire-plane.ts'

const booksIp = testAddress(2)
const hbone: ListenerPlan = { hbone: { ip: booksIp, port: 15_008 } }
const books = testWorkload('books', booksIp, { policies: ['shop/books'] })
const echo = (socket: Socket): void => void socket.pipe(socket)

const dial = (account: string = 'shopper'): Promise<RawPeer> =>
  RawPeer.dial({ ...tlsOptions(certificateOf(account)), host: booksIp, port: 15_008 })

/** The status that a caller gets, from a session of its own: '' where there is none. */
async function ask(port: number, account: string = 'shopper'): Promise<string> {
  const peer = await dial(account).catch(() => undefined)
  if (peer === undefined) return ''
  peer.send(clientHello, request(1, ':method: CONNECT', `:authority: ${booksIp}:${port}`))
  const answer = await peer.frameOf(1)
  peer.socket.destroy()
  if (answer === '01 04 00000001 88') return '200'
  return Buffer.from(answer.slice(-6), 'hex').toString()
}

function noting(): { readonly log: Log; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>)
  return { lines, log: createLog({ level: 'info', clock: systemClock, write }) }
}

async function closedWorkloads(plane: DataPlane): Promise<number | undefined> {
  const { families } = await plane.metrics()
  return families.find(({ name }) => name === 'tulle_workloads_closed')?.series[0]?.values[0]
}

/** A policy that nobody can read, for one workload or in a namespace or for all. */
function unreadable(name: string, scope: 'global' | 'namespace' | 'workload'): MeshResource {
  const [resource] = policyUpdate([{ ...allowPolicy(name, principals('shopper')), scope }]).upserts
  assert.ok(resource)
  // Field 8, which no version of the schema has.
  return { ...resource, bytes: Buffer.concat([resource.bytes, Buffer.of(0x40, 0x01)]) }
}

for (const types of [
  [addressType, authorizationType],
  [authorizationType, addressType],
]) {
  test(`no listener answers before the first full state, ${types.map((type) => type.split('.').at(-1)).join(' first, then ')}`, async () => {
    await using plane = createDataPlane(
      { workers: 0 },
      { log: silentLog, clock: systemClock, onIdentityNeeded: () => undefined },
    )
    await plane.setCertificates([certificateOf('books')])
    const workload = { uid: 'books', namespace: 'shop', name: 'books', serviceAccount: 'books' }
    const enrolled = plane.addWorkload({ ...workload, netns: undefined, listeners: hbone })
    for (const typeUrl of types) {
      await assert.rejects(dial(), { code: 'ECONNREFUSED' })
      await plane.apply({ typeUrl, upserts: [], removed: [] })
    }
    await enrolled
    const peer = await dial()
    peer.socket.destroy()
  })
}

test('a policy that a workload names but the proxy lacks closes it, with a metric and a log line', async () => {
  const { log, lines } = noting()
  await using app = await startApp(booksIp, echo)
  await using plane = await planeOf('books', hbone, app.port, { log })
  assert.equal(await ask(app.port), '200')
  await plane.apply(policyUpdate([], ['shop/books']))
  assert.equal(await ask(app.port), '401')
  assert.equal(await closedWorkloads(plane), 1)
  const [line] = lines.filter(({ level }) => level === 'warn')
  assert.equal(line?.['msg'], 'workload is closed for new connections')
  assert.deepEqual([line?.['workload'], line?.['missing']], ['books', ['shop/books']])
  await plane.apply(policyUpdate([allowPolicy('books', principals('shopper'))]))
  assert.equal(await ask(app.port), '200')
  assert.equal(await closedWorkloads(plane), 0)
  assert.equal(lines.at(-1)?.['msg'], 'workload is open again')
})

test('a policy that it refused closes whom it was meant for, until it is replaced or removed', async () => {
  await using app = await startApp(booksIp, echo)
  await using plane = await planeOf('books', hbone, app.port)
  const refuse = async (resource: MeshResource): Promise<void> => {
    const rejected = await plane.apply({ typeUrl: authorizationType, upserts: [resource], removed: [] })
    assert.deepEqual(rejected, [{ name: resource.name, reason: 'unknown field 8 in Authorization' }])
  }
  await refuse(unreadable('books', 'workload'))
  assert.equal(await ask(app.port), '401', 'named by the workload')
  await plane.apply(policyUpdate([allowPolicy('books', principals('shopper'))]))
  assert.equal(await ask(app.port), '200')
  await refuse(unreadable('others', 'workload'))
  assert.equal(await ask(app.port), '200', 'one bad object does not stop the others')
  for (const scope of ['namespace', 'global'] as const) {
    await refuse(unreadable('wide', scope))
    assert.equal(await ask(app.port), '401', scope)
    await plane.apply(policyUpdate([], ['shop/wide']))
    assert.equal(await ask(app.port), '200')
  }
  assert.equal(await closedWorkloads(plane), 0)
})

test('a resource under another name is refused: it could be neither missed nor removed', async () => {
  await using app = await startApp(booksIp, echo)
  await using plane = await planeOf('books', hbone, app.port)
  const [open] = policyUpdate([allowPolicy('open', { destinationPorts: [app.port] })]).upserts
  const [thief] = addressUpdate([testWorkload('thief', booksIp)]).upserts
  assert.ok(open !== undefined && thief !== undefined)
  const policies = await plane.apply({
    typeUrl: authorizationType,
    upserts: [{ ...open, name: 'shop/books' }],
    removed: [],
  })
  assert.deepEqual(policies, [{ name: 'shop/books', reason: 'the resource is of "shop/open"' }])
  assert.equal(await ask(app.port), '401')
  const addresses = await plane.apply({
    typeUrl: addressType,
    upserts: [{ ...thief, name: 'books' }],
    removed: [],
  })
  assert.deepEqual(addresses, [{ name: 'books', reason: 'the resource is of "thief"' }])
})

test('a policy change reaches a connection that is still being made', async () => {
  await using plane = await planeOf('books', hbone, 9)
  // A listener that accepts nothing: once its queue is full, connecting to it stays under way.
  const port = 24_601
  const fd = listenTcp({ address: booksIp, port, backlog: 0 })
  const filler = connect({ host: booksIp, port })
  await once(filler, 'connect')
  const peer = await dial()
  peer.send(clientHello, request(1, ':method: CONNECT', `:authority: ${booksIp}:${port}`))
  // The answer to a PING comes when everything before it was read.
  peer.send('000008 06 00 00000000 0102030405060708')
  while ((await peer.frame()) !== '06 01 00000000 0102030405060708');
  await plane.apply(policyUpdate([allowPolicy('books', principals('librarian'))]))
  assert.equal(await peer.frameOf(1), `01 05 00000001 4803${Buffer.from('401').toString('hex')}`)
  peer.socket.destroy()
  filler.destroy()
  closeFd(fd)
})

test('a connection that runs stays when its policy goes missing, and ends when its workload leaves', async () => {
  await using app = await startApp(booksIp, echo)
  await using plane = await planeOf('books', hbone, app.port)
  const peer = await dial()
  peer.send(clientHello, request(1, ':method: CONNECT', `:authority: ${booksIp}:${app.port}`))
  assert.equal(await peer.frameOf(1), '01 04 00000001 88')
  await plane.apply(policyUpdate([], ['shop/books']))
  assert.equal((await plane.connections()).length, 1)
  await plane.removeWorkload('books')
  assert.match(await peer.frameOf(1), /^03 /u)
  await assert.rejects(dial())
  peer.socket.destroy()
})

test('the last good state serves while the control plane is away, until the certificate expires', async () => {
  const clock = new TestClock(systemClock.nowMs())
  await using app = await startApp(booksIp, echo)
  await using plane = await planeOf('books', hbone, app.port, { clock })
  // Certificates of the tests live for an hour.
  await clock.advance(hourMs - 5000)
  assert.equal(await ask(app.port), '200')
  const running = await dial()
  running.send(clientHello, '000000 04 01 00000000', '000008 06 00 00000000 0102030405060708')
  while ((await running.frame()) !== '06 01 00000000 0102030405060708');
  await clock.advance(7000)
  assert.equal(await ask(app.port), '')
  const { families } = await plane.metrics()
  const refused = families.find(({ name }) => name === 'tulle_hbone_refused')?.series
  assert.deepEqual(refused, [{ labels: ['no-certificate-of-ours'], values: [1] }])
  // GOAWAY(2^31-1, NO_ERROR) behind SETTINGS: the session ends with the certificate.
  let goaway = ''
  while (!goaway.startsWith('07')) goaway = await running.frame()
  assert.equal(goaway, '07 00 00000000 7fffffff00000000')
  running.socket.destroy()
})

test('a direct connection to a port of captured traffic leads nowhere', async () => {
  const ports = { outbound: 24_611, plaintext: 24_612 }
  await using plane = await planeOf(
    'books',
    { outbound: { ip: booksIp, port: ports.outbound }, plaintext: { ip: booksIp, port: ports.plaintext } },
    9,
  )
  await plane.apply(addressUpdate([{ ...books, policies: [] }]))
  for (const port of Object.values(ports)) {
    const socket = connect({ host: booksIp, port, localAddress: testAddress(1) })
    socket.on('error', () => undefined)
    socket.write('x')
    await new Promise((resolve) => socket.once('close', resolve))
    assert.equal(socket.bytesRead, 0)
  }
  assert.deepEqual(await plane.connections(), [])
})
