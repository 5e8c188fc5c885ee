/** The port of configuration and certificates, over real TLS. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { status } from '@grpc/grpc-js'
import { CertificateAuthority, makeRoot } from '@tulle/ca'
import { must, systemClock, TestClock } from '@tulle/core'
import { noRevocations, parseTrustDomain } from '@tulle/identity'
import { openGrpcPort } from './grpc-port.ts'

async function setUp() {
  const clock = new TestClock()
  const trustDomain = must(parseTrustDomain('cluster.local'))
  const root = makeRoot({ name: 'root', trustDomain, nowMs: systemClock.nowMs() })
  const state = { roots: [root], signer: 'root', revocations: noRevocations }
  const authority = new CertificateAuthority(
    { trustDomain, state },
    { clock: systemClock, save: async () => {} },
  )
  const certificate = must(authority.issueServingCertificate({ names: ['localhost'], ips: [] }))
  const grpc = await openGrpcPort(
    { host: '127.0.0.1', port: 0, certificate, methods: {}, maxRequestBytes: 1024 },
    clock,
  )
  const dial = async (): Promise<Socket> => {
    const socket = connectTcp({ host: '127.0.0.1', port: grpc.port, noDelay: true })
    await once(socket, 'connect')
    return socket
  }
  return { clock, dial, ca: authority.rootsPem, [Symbol.dispose]: () => grpc[Symbol.dispose]() }
}

/** What the server says of a method that it has not got, through this connection. */
async function ask(through: Duplex, ca: string): Promise<unknown> {
  const createConnection = (): Duplex =>
    connectTls({ socket: through, servername: 'localhost', ca, ALPNProtocols: ['h2'] })
  const session = connect('https://localhost', { createConnection })
  const stream = session.request({ ':method': 'POST', ':path': '/t/No', 'content-type': 'application/grpc' })
  const [headers] = await once(stream, 'response')
  session.destroy()
  return headers['grpc-status']
}

/** Hands on what is written to it in small pieces, one a turn. */
function inPieces(socket: Socket, bytes: number): Duplex {
  const write = async (chunk: Buffer): Promise<void> => {
    for (let at = 0; at < chunk.length; at += bytes) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await new Promise((resolve) =>
        socket.write(chunk.subarray(at, at + bytes), () => setImmediate(resolve)),
      )
    }
  }
  const pieces = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => void write(chunk).then(() => done(), done),
  })
  socket.on('data', (chunk) => pieces.push(chunk))
  return pieces
}

test('openGrpcPort() ends a connection that says nothing for ten seconds, and only that', async () => {
  using port = await setUp()
  const silent = await port.dial()
  // Whoever comes behind it is answered, so that it has been let in by now.
  assert.equal(await ask(await port.dial(), port.ca), String(status.UNIMPLEMENTED))
  silent.resume()
  await port.clock.advance(9999)
  assert.equal(await ask(await port.dial(), port.ca), String(status.UNIMPLEMENTED))
  assert.equal(silent.readyState, 'open')
  await port.clock.advance(1)
  assert.equal(await ask(await port.dial(), port.ca), String(status.UNIMPLEMENTED))
  assert.equal(silent.readyState, 'closed')
})

test('openGrpcPort() goes on after a connection that ends without a word', async () => {
  using port = await setUp()
  const mute = await port.dial()
  mute.resume().end()
  await once(mute, 'close')
  assert.equal(await ask(await port.dial(), port.ca), String(status.UNIMPLEMENTED))
})

test('openGrpcPort() serves a connection whose first words come in pieces', async () => {
  using port = await setUp()
  const socket = await port.dial()
  assert.equal(await ask(inPieces(socket, 7), port.ca), String(status.UNIMPLEMENTED))
  socket.destroy()
})
