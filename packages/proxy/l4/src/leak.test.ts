/** Two thousand connections through two data planes, ended in every way: afterwards nothing of them is left. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import type { DataPlane } from './data-plane.ts'
import { addressUpdate, startApp, testAddress, testWorkload } from './test-mesh.ts'
import { planeOf } from './test-wire-plane.ts'

const shopperIp = testAddress(1)
const booksIp = testAddress(2)
const total = 2000
const atOnce = 50

/** What the caller does with its connection. The application echoes, but resets what begins with `R`. */
const ways: readonly ((socket: Socket) => void)[] = [
  (socket) => void socket.end('both sides end'),
  (socket) => void socket.end(Buffer.alloc(100_000)),
  (socket) => void socket.write('R', () => undefined),
  (socket) => void socket.once('data', () => socket.resetAndDestroy()).write('x'),
  (socket) => void socket.resetAndDestroy(),
  (socket) => void socket.end(),
]

function run(port: number, way: (socket: Socket) => void): Promise<void> {
  const socket = connect({ host: shopperIp, port, localAddress: shopperIp, allowHalfOpen: true })
  socket.on('error', () => undefined)
  socket.on('end', () => socket.end())
  socket.resume()
  socket.once('connect', () => way(socket))
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** Sums of a metric by its first label; by nothing where it has none. */
async function sums(plane: DataPlane, name: string): Promise<number> {
  const { families } = await plane.metrics()
  const series = families.find((family) => family.name === name)?.series ?? []
  return series.reduce((sum, one) => sum + (one.values[0] ?? 0), 0)
}

async function assertNothingLeft(plane: DataPlane): Promise<void> {
  while ((await plane.connections()).length > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await sums(plane, 'istio_tcp_sockets_open'), 0)
  assert.equal(await sums(plane, 'tulle_copy_buffers_held'), 0)
  // Every byte received was given credit for: a session that loses some of its window with each connection ends still.
  assert.equal(await sums(plane, 'tulle_workload_held_bytes'), 0)
  const opened = await sums(plane, 'istio_tcp_connections_opened')
  assert.equal(await sums(plane, 'istio_tcp_connections_closed'), opened)
  assert.ok(opened > total / 2, `${opened} were opened`)
}

for (const way of ['over HBONE', 'as plaintext'] as const) {
  test(`${total} connections ${way} leave no buffer, window, session or timer behind`, async () => {
    const clock = new TestClock(systemClock.nowMs())
    await using app = await startApp(booksIp, (socket) => {
      socket.on('data', (bytes: Buffer) => {
        if (bytes[0] === 0x52) socket.resetAndDestroy()
        else socket.write(bytes)
      })
      socket.on('end', () => socket.end())
    })
    const listen = { ip: shopperIp, port: 24_701 }
    const destination = { ip: booksIp, port: app.port }
    await using client = await planeOf('shopper', { fixedOutbound: [{ listen, destination }] }, 9, { clock })
    await using server = await planeOf('books', { hbone: { ip: booksIp, port: 15_008 } }, 9, { clock })
    const tunnel = way === 'over HBONE' ? 'hbone' : 'none'
    for (const plane of [client, server]) {
      await plane.apply(addressUpdate([testWorkload('books', booksIp, { policies: ['shop/books'], tunnel })]))
    }
    let next = 0
    const worker = async (): Promise<void> => {
      while (next < total) {
        const how = ways[next++ % ways.length]
        if (how !== undefined) await run(listen.port, how)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    await assertNothingLeft(client)
    if (tunnel === 'hbone') await assertNothingLeft(server)
    for (const plane of [client, server]) await plane.drain(1000)
    // What is left is the sessions' own last look at their closing transports, and the timers of connects and answers running out.
    await clock.advance(17_000)
    for (const plane of [client, server]) assert.equal(await sums(plane, 'tulle_window_bytes_promised'), 0)
    assert.equal(clock.pending, 0)
  })
}

test('the metrics of a workload that left stay for a while, to be scraped, and then go', async () => {
  const clock = new TestClock(systemClock.nowMs())
  await using app = await startApp(booksIp, (socket) => void socket.pipe(socket))
  const listen = { ip: shopperIp, port: 24_702 }
  const fixedOutbound = [{ listen, destination: { ip: booksIp, port: app.port } }]
  await using plane = await planeOf('shopper', { fixedOutbound }, 9, { clock })
  await plane.apply(addressUpdate([testWorkload('books', booksIp, { tunnel: 'none' })]))
  await run(listen.port, (socket) => void socket.end('x'))
  await plane.removeWorkload('shopper')
  await clock.advance(240_000)
  assert.equal(await sums(plane, 'istio_tcp_connections_opened'), 1)
  await clock.advance(61_000)
  const { families } = await plane.metrics()
  const opened = families.find(({ name }) => name === 'istio_tcp_connections_opened')
  assert.deepEqual(opened?.series, [])
})
