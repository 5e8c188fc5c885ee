import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '@tulle/core'
import { addressType, authorizationType } from '@tulle/mesh-xds'
import { silentLog } from '@tulle/runtime'
import type { WorkloadCertificate } from '@tulle/tunnel'
import { createDataPlane } from './create-data-plane.ts'
import {
  addressUpdate,
  allowPolicy,
  identityOfAccount,
  ip,
  policyUpdate,
  principals,
  startApp,
  testAddress,
  testCertificate,
  testService,
} from './test-mesh.ts'

import {
  clientAddress,
  digest,
  echo,
  echoed,
  over,
  readAll,
  root,
  serverAddress,
  serverWorkload,
  startPair,
} from './test-pair.ts'

test('a call goes through two proxies over HBONE and comes back', async () => {
  await using app = await startApp(serverAddress, (socket) => socket.pipe(socket))
  await using pair = await startPair(app.port)
  const socket = pair.call()
  socket.end('hello')
  assert.equal((await readAll(socket)).toString(), 'hello')
})

test('large transfers both ways arrive whole, with half-close', async () => {
  const payload = randomBytes(24 * 1024 * 1024)
  const reply = randomBytes(16 * 1024 * 1024)
  let received = ''
  await using app = await startApp(serverAddress, (socket) => {
    void readAll(socket).then((bytes) => {
      received = digest(bytes)
      socket.end(reply)
    })
  })
  await using pair = await startPair(app.port)
  const socket = pair.call()
  socket.end(payload)
  const got = await readAll(socket)
  assert.equal(received, digest(payload))
  assert.equal(digest(got), digest(reply))
  for (const plane of [pair.client, pair.server]) {
    const { families } = await plane.metrics()
    const held = families.find((family) => family.name === 'tulle_copy_buffers_held')
    assert.deepEqual(held?.series, [{ labels: [], values: [0] }])
  }
})

test('worker threads carry calls too, and sum their metrics', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port, { workers: 2 })
  const texts = await Promise.all(Array.from({ length: 20 }, (_, i) => echoed(pair, `call ${i}`)))
  assert.deepEqual(
    texts,
    Array.from({ length: 20 }, (_, i) => `call ${i}`),
  )
  const { families } = await pair.client.metrics()
  const opened = families.find((family) => family.name === 'istio_tcp_connections_opened')
  assert.equal(
    opened?.series.reduce((sum, one) => sum + (one.values[0] ?? 0), 0),
    20,
  )
})

test('a caller that no rule allows is closed, and the log names policy, reason and identity', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port, {
    policies: [allowPolicy('books', principals('librarian'))],
  })
  await over(pair.call())
  const lines = await pair.logged(2)
  const inbound = lines.find((line) => line['direction'] === 'inbound')
  assert.equal(inbound?.['verdict'], 'refused')
  assert.equal(inbound?.['policy'], 'shop/books')
  assert.equal(inbound?.['error'], 'no-allow-rule shop/books')
  assert.equal(inbound?.['src.identity'], identityOfAccount('shopper'))
  const outbound = lines.find((line) => line['direction'] === 'outbound')
  assert.equal(outbound?.['verdict'], 'refused')
  assert.equal(outbound?.['trace'], inbound?.['trace'])
})

test('a policy that a workload names but nobody sent closes it', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port, { policies: [] })
  await over(pair.call())
  const inbound = (await pair.logged(2)).find((line) => line['direction'] === 'inbound')
  assert.equal(inbound?.['error'], 'unknown-policy shop/books')
})

test('a policy that cannot be understood is refused, and closes what it holds for', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port)
  assert.equal(await echoed(pair, 'before'), 'before')
  const bytes = Uint8Array.of(0xff, 0xff, 0xff)
  const broken = { name: 'shop/books', version: 'x', aliases: [], bytes }
  const update = { typeUrl: authorizationType, upserts: [broken], removed: [] }
  const rejected = await pair.server.apply(update)
  assert.deepEqual(
    rejected.map(({ name }) => name),
    ['shop/books'],
  )
  await over(pair.call())
  const ofServer = (await pair.logged(4)).filter((line) => line['direction'] === 'inbound')
  const refused = ofServer.find((line) => line['verdict'] === 'refused')
  assert.equal(refused?.['policy'], 'shop/books')
})

test('open connections are closed when policy no longer allows them', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port)
  const socket = pair.call()
  socket.write('x')
  await once(socket, 'data')
  const ended = over(socket)
  await pair.server.apply(policyUpdate([allowPolicy('books', principals('librarian'))]))
  await ended
  const inbound = (await pair.logged(2)).find((line) => line['direction'] === 'inbound')
  assert.equal(inbound?.['error'], 'no longer allowed: no-allow-rule shop/books')
  assert.deepEqual(await pair.server.connections(), [])
})

test('connections that policy still allows stay open through a policy change', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port)
  const socket = pair.call()
  socket.write('x')
  await once(socket, 'data')
  await pair.server.apply(policyUpdate([allowPolicy('books', principals('librarian', 'shopper'))]))
  const listed = await pair.server.connections()
  assert.equal(listed.length, 1)
  assert.equal(listed[0]?.sourceIdentity, identityOfAccount('shopper'))
  socket.end('y')
  assert.equal((await readAll(socket)).toString(), 'y')
})

test('plaintext is refused where policy wants an identity, and passes where it wants none', async () => {
  await using app = await startApp(serverAddress, echo)
  await using strict = await startPair(app.port, { plaintext: true })
  await over(strict.call())
  const line = (await strict.logged(1))[0]
  assert.equal(line?.['verdict'], 'refused')
  assert.equal(line?.['src.identity'], undefined)
})

test('plaintext passes where policy allows it by address', async () => {
  await using app = await startApp(serverAddress, echo)
  await using open_ = await startPair(app.port, {
    plaintext: true,
    policies: [allowPolicy('books', { sourceIps: [{ address: ip(clientAddress), prefixBits: 32 }] })],
  })
  assert.equal(await echoed(open_, 'plain'), 'plain')
})

test('rules by source address see the application, not its proxy', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port, {
    policies: [allowPolicy('books', { sourceIps: [{ address: ip(clientAddress), prefixBits: 32 }] })],
  })
  assert.equal(await echoed(pair, 'from here'), 'from here')
})

test('a service address leads to an endpoint, on its target port', async () => {
  await using app = await startApp(serverAddress, echo)
  const service = testService('books', '240.240.0.1', {
    ports: [{ servicePort: 80, targetPort: app.port, appProtocol: 'tcp' }],
  })
  await using pair = await startPair(app.port, { service })
  assert.equal(await echoed(pair, 'by name'), 'by name')
  const outbound = (await pair.logged(2)).find((line) => line['direction'] === 'outbound')
  assert.equal(outbound?.['dst'], '240.240.0.1:80')
  assert.equal(outbound?.['dst.service'], 'books.shop.svc.cluster.local')
})

test('a destination that does not listen is a refused connection, logged with its cause', async () => {
  let port = 0
  {
    await using app = await startApp(serverAddress, echo)
    port = app.port
  }
  await using pair = await startPair(port)
  await over(pair.call())
  const lines = await pair.logged(2)
  assert.equal(lines.find((line) => line['direction'] === 'inbound')?.['error'], 'ECONNREFUSED')
  const outbound = lines.find((line) => line['direction'] === 'outbound')
  assert.equal(outbound?.['error'], "the destination's proxy answered 503")
})

test('an application that resets its connection is a reset at the other end', async () => {
  const failed = Promise.withResolvers<string>()
  await using app = await startApp(serverAddress, (socket) => {
    socket.on('error', (error) => failed.resolve((error as NodeJS.ErrnoException).code ?? ''))
    socket.on('data', () => socket.write('y'))
  })
  await using pair = await startPair(app.port)
  const socket = pair.call()
  socket.write('x')
  await once(socket, 'data')
  socket.resetAndDestroy()
  assert.equal(await failed.promise, 'ECONNRESET')
})

test('certificates rotate under traffic without a failed call', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port)
  const longLived = pair.call()
  longLived.write('x')
  await once(longLived, 'data')
  for (let round = 0; round < 5; round++) {
    const renew = (account: string): WorkloadCertificate =>
      testCertificate({ root, identity: identityOfAccount(account) })
    await pair.client.setCertificates([renew('shopper')])
    await pair.server.setCertificates([renew('books')])
    assert.equal(await echoed(pair, `round ${round}`), `round ${round}`)
  }
  longLived.end('still')
  assert.equal((await readAll(longLived)).toString(), 'still')
})

test('DataPlane.drain lets running connections finish and takes no new ones', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port)
  const socket = pair.call()
  socket.write('x')
  await once(socket, 'data')
  const drained = pair.server.drain(10_000)
  socket.end('last')
  assert.equal((await readAll(socket)).toString(), 'last')
  await drained
  await over(pair.call())
  await assert.rejects(connectTo(serverAddress, 15_008), /ECONNREFUSED/u)
})

test('no listener answers before Address and Authorization state and a certificate are there', async () => {
  const address = testAddress(3)
  await using plane = createDataPlane(
    { workers: 0 },
    { log: silentLog, clock: systemClock, onIdentityNeeded: () => undefined },
  )
  const hbone = { ip: address, port: 15_008 }
  const enrolled = plane.addWorkload({
    uid: 'early',
    namespace: 'shop',
    name: 'early',
    serviceAccount: 'early',
    netns: undefined,
    listeners: { hbone },
  })
  const refused = (): Promise<void> => assert.rejects(connectTo(address, 15_008), /ECONNREFUSED/u)
  await refused()
  await plane.apply({ typeUrl: addressType, upserts: [], removed: [] })
  await refused()
  await plane.apply({ typeUrl: authorizationType, upserts: [], removed: [] })
  await plane.ready
  await refused()
  await plane.setCertificates([testCertificate({ root, identity: identityOfAccount('early') })])
  await enrolled
  await connectTo(address, 15_008)
})

test('a description with another identity does not open a workload', async () => {
  await using app = await startApp(serverAddress, echo)
  await using pair = await startPair(app.port)
  await pair.server.apply(addressUpdate([{ ...serverWorkload, serviceAccount: 'other' }]))
  await over(pair.call())
  const inbound = (await pair.logged(2)).find((line) => line['direction'] === 'inbound')
  assert.equal(inbound?.['error'], 'unknown-policy of books')
})

test('a slow reader holds its sender back, and gets everything in the end', async () => {
  const payload = randomBytes(48 * 1024 * 1024)
  const paused = Promise.withResolvers<Socket>()
  await using app = await startApp(serverAddress, (socket) => {
    socket.pause()
    paused.resolve(socket)
  })
  await using pair = await startPair(app.port)
  const socket = pair.call()
  socket.end(payload)
  const reader = await paused.promise
  // Whatever the kernel and the windows take in between, it is far from everything.
  let carried = -1
  for (let quietTurns = 0; quietTurns < 2000; quietTurns++) {
    const bytes = (await pair.client.connections())[0]?.bytesSent ?? -1
    if (bytes !== carried) quietTurns = 0
    carried = bytes
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(carried < payload.length / 2, `${carried} bytes were taken in`)
  const got = await readAll(reader)
  assert.equal(digest(got), digest(payload))
  reader.end()
  await over(socket)
})

test('DataPlane tells which identities are needed, once each, and when they no longer are', async () => {
  const needed: string[] = []
  const released: string[] = []
  await using plane = createDataPlane(
    { workers: 0 },
    {
      log: silentLog,
      clock: systemClock,
      onIdentityNeeded: (identity) => needed.push(identity),
      onIdentityReleased: (identity) => released.push(identity),
    },
  )
  const workload = { namespace: 'shop', name: 'a', serviceAccount: 'a', netns: undefined }
  const first = plane.addWorkload({ ...workload, uid: 'a-1' })
  const second = plane.addWorkload({ ...workload, uid: 'a-2' })
  assert.deepEqual(needed, [identityOfAccount('a')])
  await plane.removeWorkload('a-1')
  await assert.rejects(first, { code: 'L4_REMOVED' })
  assert.deepEqual(released, [])
  await plane.removeWorkload('a-2')
  await assert.rejects(second, { code: 'L4_REMOVED' })
  assert.deepEqual(released, [identityOfAccount('a')])
})

async function connectTo(host: string, port: number): Promise<void> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect')
  } finally {
    socket.destroy()
  }
}
