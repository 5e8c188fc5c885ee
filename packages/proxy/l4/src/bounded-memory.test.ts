/** What a pair of data planes holds for connections that are idle, slow, or over, in buffers and bytes. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import type { DataPlane } from './data-plane.ts'
import type { L4Limits } from './limits.ts'
import { addressUpdate, startApp, testWorkload } from './test-mesh.ts'
import { planeOf } from './test-wire-plane.ts'

const shopperIp = '127.9.8.1'
const booksIp = '127.9.8.2'
const mebibyte = 1_048_576

interface Pair extends AsyncDisposable {
  readonly client: DataPlane
  readonly server: DataPlane
  readonly clock: TestClock
  readonly port: number
}

async function startPair(
  port: number,
  onConnection: (socket: Socket) => void,
  limits: Partial<L4Limits> = {},
): Promise<Pair> {
  const clock = new TestClock(systemClock.nowMs())
  const app = await startApp(booksIp, onConnection)
  const fixedOutbound = [{ listen: { ip: shopperIp, port }, destination: { ip: booksIp, port: app.port } }]
  const client = await planeOf('shopper', { fixedOutbound }, app.port, { clock, limits })
  const server = await planeOf('books', { hbone: { ip: booksIp, port: 15_008 } }, app.port, { clock, limits })
  for (const plane of [client, server]) {
    await plane.apply(addressUpdate([testWorkload('books', booksIp, { policies: ['shop/books'] })]))
  }
  return {
    client,
    server,
    clock,
    port,
    async [Symbol.asyncDispose]() {
      for (const end of [app, client, server]) await end[Symbol.asyncDispose]()
    },
  }
}

/** Resolves with the first byte that came back. */
function call({ port }: Pair, first: string = 'x'): Promise<Socket> {
  const socket = connect({ host: shopperIp, port, localAddress: shopperIp })
  socket.on('error', () => undefined)
  return new Promise((resolve) => {
    socket.once('connect', () => socket.write(first))
    socket.once('data', () => resolve(socket))
  })
}

async function metric(plane: DataPlane, name: string): Promise<number> {
  const { families } = await plane.metrics()
  const series = families.find((family) => family.name === name)?.series ?? []
  return series.reduce((sum, one) => sum + (one.values[0] ?? 0), 0)
}

/** Until a number is the same for some turns. */
async function settled(read: () => number): Promise<number> {
  let last = read()
  for (let same = 0; same < 200; same++) {
    await new Promise((resolve) => setImmediate(resolve))
    if (read() !== last) same = 0
    last = read()
  }
  return last
}

test('a thousand idle connections hold no buffer, on either side', async () => {
  await using pair = await startPair(24_801, (socket) => void socket.pipe(socket))
  const sockets: Socket[] = []
  for (let batch = 0; batch < 20; batch++) {
    sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => call(pair)))))
  }
  for (const plane of [pair.client, pair.server]) {
    assert.equal((await plane.connections()).length, 1000)
    assert.equal(await metric(plane, 'tulle_copy_buffers_held'), 0)
    assert.equal(await metric(plane, 'tulle_copy_buffers_held_bytes'), 0)
    assert.equal(await metric(plane, 'tulle_window_bytes_promised'), 0)
  }
  for (const socket of sockets) socket.destroy()
})

test('case 19: for an application that reads nothing, a pair takes what its windows and sockets hold and no more', async () => {
  const stalled = Promise.withResolvers<Socket>()
  await using pair = await startPair(24_802, (socket) => {
    socket.once('data', () => {
      socket.pause()
      socket.write('x', () => stalled.resolve(socket))
    })
  })
  const socket = await call(pair)
  const app = await stalled.promise
  const chunk = Buffer.alloc(mebibyte)
  let sent = 0
  const fill = (): void => {
    while (sent < 1024 * mebibyte) {
      sent += chunk.length
      if (!socket.write(chunk)) return
    }
  }
  socket.on('drain', fill)
  fill()
  await settled(() => socket.bytesWritten - socket.writableLength)
  const [info] = await pair.client.connections()
  // The stream's first window, and what the kernel's buffers on the way to the application take.
  assert.ok(info !== undefined && info.bytesSent < 24 * mebibyte, `${info?.bytesSent} bytes taken`)
  // Where it arrives: the widest window of a stream. Where it comes from: what a session's socket may queue, and a read.
  const [near, far] = [pair.client, pair.server].map((plane) =>
    metric(plane, 'tulle_copy_buffers_held_bytes'),
  )
  assert.ok(((await far) ?? 0) <= 4.5 * mebibyte, `${await far} bytes held by the receiving side`)
  assert.ok(((await near) ?? 0) <= 2 * mebibyte, `${await near} bytes held by the sending side`)
  app.destroy()
  socket.destroy()
})

test('after a burst nothing is held, and the memory of its buffers is given back', async () => {
  await using pair = await startPair(24_803, (socket) => void socket.resume())
  const socket = connect({ host: shopperIp, port: pair.port, localAddress: shopperIp })
  const chunk = Buffer.alloc(mebibyte)
  const total = 256
  for (let sent = 0; sent < total; sent++) {
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve))
  }
  await new Promise<void>((resolve) => socket.end(resolve))
  const received = async (): Promise<number> => metric(pair.server, 'istio_tcp_received_bytes')
  while ((await received()) < total * mebibyte) await new Promise((resolve) => setImmediate(resolve))
  for (const plane of [pair.client, pair.server]) {
    while ((await metric(plane, 'tulle_copy_buffers_held')) > 0)
      await new Promise((resolve) => setImmediate(resolve))
  }
  await pair.clock.advance(30_000)
  for (const plane of [pair.client, pair.server]) {
    assert.equal(await metric(plane, 'tulle_copy_buffers_free_bytes'), 0)
    assert.equal(await metric(plane, 'tulle_window_bytes_promised'), 0)
  }
  socket.destroy()
})

test('case 19: applications that read nothing make a workload hold its share and no more; all arrives when they read', async () => {
  const shareBytes = 2 * mebibyte
  const sessions = 10
  const stalled: Socket[] = []
  let received = 0
  const app = (socket: Socket): void => {
    socket.once('data', (bytes: Buffer) => {
      socket.write('x')
      // The last one wants its answers.
      if (bytes[0] === 0x79) socket.pipe(socket)
      else stalled.push(socket.pause())
    })
  }
  const limits = { maxHeldBytesPerWorkload: shareBytes, maxStreamsPerSession: 2, maxSessionsPerTarget: 64 }
  await using pair = await startPair(24_804, app, limits)
  const sockets = await Promise.all(Array.from({ length: 2 * sessions }, () => call(pair)))
  const each = 12 * mebibyte
  const ends = sockets.map(
    (socket) => new Promise((resolve) => socket.end(Buffer.alloc(each), () => resolve(true))),
  )
  await settled(() => sockets.reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0))
  const held = await metric(pair.server, 'tulle_workload_held_bytes')
  assert.ok(held > shareBytes / 2, `${held} bytes held: nobody is slow here`)
  assert.ok(held < shareBytes + sessions * 3 * 65_536, `${held} bytes held`)
  const quick = await call(pair, 'y')
  quick.destroy()
  for (const socket of stalled) socket.on('data', (bytes: Buffer) => (received += bytes.length)).resume()
  while (received < 2 * sessions * each) await pair.clock.advance(20)
  await Promise.all(ends)
  assert.equal(await metric(pair.server, 'tulle_workload_held_bytes'), 0)
})
