import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { StreamHandler } from '@tulle/http2'
import type { InboundTunnel } from './inbound-tunnel.ts'
import { testCertificate, testId, testRoot } from './test-certificates.ts'
import { startServer } from './test-pair.ts'
import type { TestServer } from './test-pair.ts'
import { clientContextOptions } from './tls-settings.ts'

const root = testRoot()
const trusts = { 'cluster.local': [root] }
const own = testCertificate({ root, identity: testId('books'), trusts })
const peer = testCertificate({ root, identity: testId('shopper'), trusts })

/** Node's own HTTP/2, as a client that shares no code with ours. */
function dial(server: TestServer): ClientHttp2Session {
  return connectHttp2(`https://127.0.0.1:${server.port}`, {
    ...clientContextOptions(peer),
    checkServerIdentity: () => undefined,
  })
}

async function statusOf(stream: ClientHttp2Stream): Promise<number | undefined> {
  const [headers] = (await once(stream, 'response')) as [OutgoingHttpHeaders]
  stream.resume()
  stream.end()
  const status = headers[':status']
  return typeof status === 'number' ? status : undefined
}

function collect(tunnel: InboundTunnel, into: string[]): StreamHandler {
  return {
    onHeaders: () => undefined,
    onData: (bytes, start, end) => {
      into.push(bytes.toString('latin1', start, end))
      tunnel.stream.consumed(end - start)
      return false
    },
    onEnd: () => tunnel.stream.end(),
    onReset: () => undefined,
    onWritable: () => undefined,
  }
}

test('case 22: HboneServer answers 400 to what is no CONNECT, and to an authority that is none', async () => {
  await using server = await startServer(own)
  const session = dial(server)
  assert.equal(await statusOf(session.request({ ':method': 'GET', ':path': '/' })), 400)
  const bad = session.request({ ':method': 'CONNECT', ':authority': 'nowhere' }, { endStream: false })
  assert.equal(await statusOf(bad), 400)
  session.destroy()
})

for (const status of ['401', '503'] as const) {
  test(`InboundTunnel.refuse answers ${status}, and other streams of the session go on`, async () => {
    let first = true
    const got: string[] = []
    await using server = await startServer(own, {
      onTunnel: (tunnel) => {
        if (first) tunnel.refuse(status)
        else tunnel.accept(collect(tunnel, got))
        first = false
      },
    })
    const session = dial(server)
    const refused = session.request({ ':method': 'CONNECT', ':authority': '127.0.0.1:80' })
    refused.on('error', () => undefined)
    assert.equal(await statusOf(refused), Number(status))
    const open = session.request({ ':method': 'CONNECT', ':authority': '127.0.0.1:80' })
    open.end('bytes')
    const [headers] = (await once(open, 'response')) as [OutgoingHttpHeaders]
    assert.equal(headers[':status'], 200)
    open.resume()
    await once(open, 'close')
    assert.deepEqual(got.join(''), 'bytes')
    session.destroy()
  })
}

test('case 22: what a peer sends before its answer is kept until then, with its end', async () => {
  const arrived = Promise.withResolvers<InboundTunnel>()
  await using server = await startServer(own, { onTunnel: (tunnel) => arrived.resolve(tunnel) })
  const session = dial(server)
  const stream = session.request({ ':method': 'CONNECT', ':authority': '127.0.0.1:80' })
  stream.end('early')
  const tunnel = await arrived.promise
  // A PING comes back only after everything before it was read.
  await new Promise((resolve) => session.ping(resolve))
  const got: string[] = []
  tunnel.accept(collect(tunnel, got))
  assert.deepEqual(got, ['early'])
  stream.resume()
  await once(stream, 'close')
  session.destroy()
})

test('case 22: a peer that sends more than may be held before its answer is reset', async () => {
  await using server = await startServer(own, { maxEarlyBytes: 1000, onTunnel: () => undefined })
  const session = dial(server)
  const stream = session.request({ ':method': 'CONNECT', ':authority': '127.0.0.1:80' })
  stream.on('error', () => undefined)
  stream.write(Buffer.alloc(2000))
  await new Promise((resolve) => stream.once('close', resolve))
  assert.equal(stream.rstCode, 11)
  session.destroy()
})

test('HboneServer closes a connection beyond its handshakes in progress', async () => {
  await using server = await startServer(own, { maxHandshakes: 1 })
  const idle = connectTcp({ host: '127.0.0.1', port: server.port })
  await once(idle, 'connect')
  const second = connectTcp({ host: '127.0.0.1', port: server.port })
  second.on('error', () => undefined)
  second.resume()
  const [refusal] = await Promise.all([server.refused(), once(second, 'close')])
  assert.equal(refusal.reason, 'too-many-handshakes')
  idle.destroy()
})

test('bytes that are no TLS end that connection alone', async () => {
  await using server = await startServer(own)
  const socket = connectTcp({ host: '127.0.0.1', port: server.port })
  socket.on('error', () => undefined)
  socket.end('GET / HTTP/1.1\r\n\r\n')
  socket.resume()
  // Not events.once: bytes that nobody reads make for a reset, which is an error here.
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const [refusal] = await Promise.all([server.refused(), closed])
  assert.equal(refusal.reason, 'handshake')
  assert.equal(server.hbone.handshakes, 0)
  const session = dial(server)
  await once(session, 'connect')
  session.destroy()
})

test('HboneServer closes a connection beyond its sessions', async () => {
  await using server = await startServer(own, { maxSessions: 1 })
  const first = dial(server)
  await once(first, 'connect')
  dial(server).on('error', () => undefined)
  assert.equal((await server.refused()).reason, 'too-many-sessions')
  first.destroy()
})

test('HboneServer.destroy lets no handshake that is in progress become a session', async () => {
  await using server = await startServer(own)
  const session = dial(server)
  session.on('error', () => undefined)
  const accepting = Promise.withResolvers<undefined>()
  const look = (): void => {
    if (server.hbone.handshakes > 0) accepting.resolve(undefined)
    else setImmediate(look)
  }
  look()
  await accepting.promise
  server.hbone.destroy()
  assert.equal((await server.refused()).reason, 'closed')
  assert.equal(server.hbone.sessions, 0)
})

const leavers: Readonly<Record<string, (socket: Socket) => void>> = {
  'ends at once': (socket) => void socket.end(),
  'resets at once': (socket) => void socket.resetAndDestroy(),
  'resets in the middle of its first record': (socket) => {
    socket.write(Buffer.from('160301020001', 'hex'), () => socket.resetAndDestroy())
  },
  'sends a record that is too long': (socket) => void socket.write(Buffer.from('160301ffff01', 'hex')),
}

for (const [what, leave] of Object.entries(leavers)) {
  test(`a peer that ${what} leaves no handshake behind`, async () => {
    await using server = await startServer(own, { maxHandshakes: 4 })
    for (let round = 0; round < 12; round++) {
      const socket = connectTcp({ host: '127.0.0.1', port: server.port })
      socket.on('error', () => undefined)
      socket.resume()
      await once(socket, 'connect')
      leave(socket)
      assert.equal((await server.refused()).reason, 'handshake')
    }
    assert.equal(server.hbone.handshakes, 0)
  })
}
