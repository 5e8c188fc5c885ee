import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import { maxClientHelloBytes } from './arrivals.ts'
import { HandshakeGate } from './handshake-gate.ts'
import { testCertificate, testId, testRoot } from './test-certificates.ts'
import { startServer } from './test-pair.ts'
import type { TestServer } from './test-pair.ts'
import { clientContextOptions } from './tls-settings.ts'

const root = testRoot()
const trusts = { 'cluster.local': [root] }
const own = testCertificate({ root, identity: testId('books'), trusts })
const peer = testCertificate({ root, identity: testId('shopper'), trusts })
/** The first record of a hello: 512 bytes of handshake are to come. */
const helloHead = Buffer.from('160301020001000200', 'hex')

async function call(server: TestServer, localAddress: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: server.port, localAddress })
  socket.on('error', () => undefined)
  socket.resume()
  await once(socket, 'connect')
  return socket
}

/** Not events.once, which rejects where the connection ends with RST, as it does with bytes that nobody read. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

/** Until the server has so many handshakes in progress. */
async function handshakes(server: TestServer, count: number): Promise<void> {
  while (server.hbone.handshakes !== count) await new Promise((resolve) => setImmediate(resolve))
}

for (const [what, bytes] of [
  ['nothing', undefined],
  ['a byte of its hello', helloHead.subarray(0, 1)],
  ['half of its hello', helloHead],
] as const) {
  test(`case 25: a peer that sends ${what} and then waits is cut after the time for handshakes`, async () => {
    const clock = new TestClock(systemClock.nowMs())
    await using server = await startServer(own, { clock, handshakeTimeoutMs: 5000 })
    const slow = await call(server, '127.0.0.1')
    if (bytes !== undefined) slow.write(bytes)
    await handshakes(server, 1)
    await clock.advance(4999)
    assert.equal(server.hbone.handshakes, 1)
    await clock.advance(1)
    const [refusal] = await Promise.all([server.refused(), closed(slow)])
    assert.equal(refusal.reason, 'handshake-timeout')
    assert.equal(server.hbone.handshakes, 0)
  })
}

test('case 25: a peer that sends its hello byte by byte gets no more time for it', async () => {
  const clock = new TestClock(systemClock.nowMs())
  await using server = await startServer(own, { clock, handshakeTimeoutMs: 5000 })
  const slow = await call(server, '127.0.0.1')
  await handshakes(server, 1)
  for (const byte of helloHead.subarray(0, 5)) {
    slow.write(Buffer.of(byte))
    await clock.advance(1000)
  }
  assert.equal((await server.refused()).reason, 'handshake-timeout')
  slow.destroy()
})

test('case 25: one address cannot use up the handshakes that another one needs', async () => {
  await using server = await startServer(own, { maxHandshakes: 8, maxHandshakesPerSource: 4 })
  const slow = await Promise.all(Array.from({ length: 4 }, () => call(server, '127.0.0.9')))
  await handshakes(server, 4)
  const more = await call(server, '127.0.0.9')
  const [refusal] = await Promise.all([server.refused(), once(more, 'close')])
  assert.equal(refusal.reason, 'too-many-from-source')
  const session = dial(server)
  await once(session, 'remoteSettings')
  assert.equal(server.hbone.handshakes, 4)
  session.destroy()
  for (const socket of slow) socket.destroy()
  await handshakes(server, 0)
})

test('case 25: sessions of one address are bounded too, and end their count when they close', async () => {
  await using server = await startServer(own, { maxSessionsPerSource: 1 })
  const session = dial(server)
  await once(session, 'connect')
  dial(server).on('error', () => undefined)
  assert.equal((await server.refused()).reason, 'too-many-from-source')
  session.destroy()
  while (!(await answered(server)));
})

test('case 26: who left before its turn costs no handshake', async () => {
  const turns: (() => void)[] = []
  const gate = new HandshakeGate({ maxPerTurn: 1, nextTurn: (run) => turns.push(run) })
  let begun = 0
  await using server = await startServer(own, { gate, onHandshake: () => begun++ })
  const hello = await clientHelloOf()
  const first = await call(server, '127.0.0.1')
  first.write(hello)
  while (begun === 0) await new Promise((resolve) => setImmediate(resolve))
  const second = await call(server, '127.0.0.1')
  second.write(hello)
  while (server.hbone.handshakesWaiting === 0) await new Promise((resolve) => setImmediate(resolve))
  second.resetAndDestroy()
  await closed(second)
  turns.shift()?.()
  const refusal = await server.refused()
  assert.deepEqual([refusal.message, begun], ['the peer left before its turn', 1])
  assert.equal(server.hbone.handshakesWaiting, 0)
  first.destroy()
})

test('case 27: a ClientHello in many small records, each in a write of its own, is one', async () => {
  await using server = await startServer(own)
  // What Node's client says, cut up on its way.
  const relay = connect({ host: '127.0.0.1', port: server.port, noDelay: true })
  const hello = await clientHelloOf()
  const body = hello.subarray(5)
  for (let at = 0; at < body.length; at += 100) {
    const piece = body.subarray(at, at + 100)
    relay.write(Buffer.concat([Buffer.from([22, 3, 1, 0, piece.length]), piece]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  const [answer] = (await once(relay, 'data')) as [Buffer]
  assert.equal(answer[0], 22, 'a ServerHello, and no alert')
  relay.destroy()
})

test('case 27: a ClientHello beyond its limit ends the connection before TLS looks at it', async () => {
  await using server = await startServer(own)
  const socket = await call(server, '127.0.0.1')
  const record = Buffer.alloc(5 + 16_384)
  record.set([22, 3, 1, 0x40, 0])
  record.set([1, 0, 0xff, 0xff], 5)
  socket.write(Buffer.concat([record, record.subarray(0, maxClientHelloBytes)]))
  const [refusal] = await Promise.all([server.refused(), closed(socket)])
  assert.equal(refusal.reason, 'handshake')
  assert.match(refusal.message, /too long/u)
})

/** Whether a session is granted. */
function answered(server: TestServer): Promise<boolean> {
  const session = dial(server)
  return new Promise<boolean>((resolve) => {
    session.once('remoteSettings', () => resolve(true))
    session.once('error', () => resolve(false))
    session.once('close', () => resolve(false))
  }).finally(() => session.destroy())
}

function dial(server: TestServer) {
  return connectHttp2(`https://127.0.0.1:${server.port}`, {
    ...clientContextOptions(peer),
    checkServerIdentity: () => undefined,
  })
}

/** The first flight of Node's own client. */
async function clientHelloOf(): Promise<Buffer> {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  const client = connectHttp2(`https://127.0.0.1:${port}`, clientContextOptions(peer))
  client.on('error', () => undefined)
  const [socket] = (await once(listener, 'connection')) as [Socket]
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  listener.close()
  return bytes
}
