/** Cases 27 and 28: what may come instead of a TLS handshake. Raw bytes on a real socket, to a server and from one. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { connect as connectTcp, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { must } from '@tulle/core'
import { testCertificate, testId, testRoot } from './test-certificates.ts'
import {
  alpn,
  clientHello,
  contentType,
  extension,
  keyShare,
  neededExtensions,
  prefixed8,
  records,
  serverHelloExtensions,
  serverName,
  signatureAlgorithms,
  supportedGroups,
  supportedVersions,
  uint16,
  unknownShare,
} from './test-client-hello.ts'
import { startClient, startServer } from './test-pair.ts'
import type { ServerRefusal } from './hbone-server.ts'
import type { TestClient, TestServer } from './test-pair.ts'
import { clientContextOptions, serverContextOptions } from './tls-settings.ts'

const root = testRoot()
const trusts = { 'cluster.local': [root] }
const books = testId('books')
const own = testCertificate({ root, identity: books, trusts })
const peer = testCertificate({ root, identity: testId('shopper'), trusts })

const good = (): Buffer => records(clientHello())
const withAlpn = (...more: readonly Buffer[]): readonly Buffer[] => [
  ...neededExtensions(),
  alpn('h2'),
  ...more,
]
const helloWith = (...more: readonly Buffer[]): Buffer =>
  records(clientHello({ extensions: withAlpn(...more) }))

/** `answered`: the server says hello, and the peer leaves then. `refused`: it does not. */
type Hello = readonly [name: string, outcome: 'answered' | 'refused', bytes: () => Buffer]

const hellos: readonly Hello[] = [
  ['a hello as it should be', 'answered', good],
  ['no ALPN', 'answered', () => records(clientHello({ extensions: neededExtensions() }))],
  [
    'another protocol in ALPN',
    'refused',
    () => records(clientHello({ extensions: [...neededExtensions(), alpn('http/1.1')] })),
  ],
  [
    'ALPN in upper case',
    'refused',
    () => records(clientHello({ extensions: [...neededExtensions(), alpn('H2')] })),
  ],
  [
    'h2 with a NUL behind it in ALPN',
    'refused',
    () => records(clientHello({ extensions: [...neededExtensions(), alpn('h2\0')] })),
  ],
  [
    'an empty name in ALPN',
    'refused',
    () => records(clientHello({ extensions: [...neededExtensions(), alpn('')] })),
  ],
  [
    'ALPN longer than its extension',
    'refused',
    () => records(clientHello({ extensions: [...neededExtensions(), extension(16, uint16(500))] })),
  ],
  [
    'h2 behind a thousand others in ALPN',
    'answered',
    () =>
      records(
        clientHello({
          extensions: [...neededExtensions(), alpn(...Array.from({ length: 1000 }, (_, i) => `p${i}`), 'h2')],
        }),
      ),
  ],
  ['an SNI of almost 64 KiB', 'refused', () => helloWith(serverName('a'.repeat(65_000)))],
  ['an SNI of 255 letters', 'answered', () => helloWith(serverName('a'.repeat(255)))],
  ['an SNI with a NUL', 'refused', () => helloWith(serverName('books\0.evil'))],
  ['an empty SNI', 'answered', () => helloWith(serverName(''))],
  ['an SNI that is an address', 'answered', () => helloWith(serverName('127.0.0.1'))],
  ['an SNI that is no text', 'answered', () => helloWith(serverName(Buffer.alloc(64, 0xff)))],
  ['an SNI of an unknown kind', 'refused', () => helloWith(extension(0, Buffer.from('0004ff000161', 'hex')))],
  [
    'GREASE wherever it may be',
    'answered',
    () =>
      records(
        clientHello({
          ciphers: [0x0a0a, 0x1301],
          extensions: [
            extension(0x1a1a, Buffer.alloc(0)),
            supportedVersions(0x3a3a, 0x0304),
            supportedGroups(0x2a2a, 0x001d),
            signatureAlgorithms,
            keyShare(unknownShare(0x2a2a)),
            alpn('\x4a\x4a', 'h2'),
            extension(0x5a5a, Buffer.of(0)),
          ],
        }),
      ),
  ],
  ['a hello in records of one byte', 'answered', () => records(clientHello(), { pieceBytes: 1 })],
  ['a hello in records of seven bytes', 'answered', () => records(clientHello(), { pieceBytes: 7 })],
  [
    'SSLv2',
    'refused',
    () => Buffer.from(`802e0100020015000000100100800300800700c0${'41'.repeat(28)}`, 'hex'),
  ],
  ['SSLv3', 'refused', () => records(clientHello({ legacyVersion: 0x0300, extensions: [] }))],
  ['TLS 1.0', 'refused', () => records(clientHello({ legacyVersion: 0x0301, extensions: [] }))],
  ['a hello twice with one extension', 'refused', () => helloWith(alpn('h2'))],
  [
    'a message that says it has 16 MiB',
    'refused',
    () => records(Buffer.concat([Buffer.from('01ffffff', 'hex'), Buffer.alloc(200_000)])),
  ],
  ['a record longer than records are', 'refused', () => Buffer.from(`160301ffff${'00'.repeat(600)}`, 'hex')],
  ['a record of an unknown kind', 'refused', () => records(clientHello(), { type: 99 })],
  ['a heartbeat', 'refused', () => Buffer.from('1803010003014000', 'hex')],
  ['an alert first', 'refused', () => Buffer.from('15030100020228', 'hex')],
  [
    'application data first',
    'refused',
    () => records(Buffer.from('hello'), { type: contentType.applicationData }),
  ],
  [
    'a thousand times ChangeCipherSpec',
    'refused',
    () => Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from('140301000101', 'hex'))),
  ],
  [
    'a thousand empty records',
    'refused',
    () => Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from('1603010000', 'hex'))),
  ],
  ['HTTP', 'refused', () => Buffer.from('GET / HTTP/1.1\r\nHost: books\r\n\r\n')],
  ['HTTP/2 without TLS', 'refused', () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['a PROXY header', 'refused', () => Buffer.from('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n')],
  ['half a hello, and the end', 'refused', () => good().subarray(0, 100)],
  ['nothing, and the end', 'refused', () => Buffer.alloc(0)],
]

async function dial(port: number): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** The first bytes that come back; none if the connection ends before. */
function firstBytes(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    socket.once('data', resolve)
    socket.once('close', () => resolve(Buffer.alloc(0)))
  })
}

const turnOfLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Not events.once, which rejects when an error comes before. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

describe('to HboneServer', () => {
  let server: TestServer
  let client: TestClient
  let refusals: ServerRefusal[] = []
  before(async () => {
    server = await startServer(own, { onRefused: (refusal) => refusals.push(refusal) })
    client = startClient(peer)
  })
  /** Nothing of any connection is left; what was refused since the last time. */
  const atRest = async (): Promise<readonly ServerRefusal[]> => {
    const { hbone } = server
    for (let turn = 0; turn < 5000 && hbone.handshakes + hbone.sessions > 0; turn++) await turnOfLoop()
    assert.deepEqual([hbone.handshakes, hbone.sessions], [0, 0])
    const since = refusals
    refusals = []
    return since
  }
  const refusedOnce = async (): Promise<string> => {
    for (let turn = 0; turn < 5000 && refusals.length === 0; turn++) await turnOfLoop()
    const found = await atRest()
    assert.deepEqual(
      found.map(({ reason }) => reason),
      ['handshake'],
    )
    return found[0]?.message ?? ''
  }
  after(async () => {
    client[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  for (const [name, outcome, bytes] of hellos) {
    test(`case 27: ${name} is ${outcome}, and the next peer is served`, async () => {
      const socket = await dial(server.port)
      const answer = firstBytes(socket)
      socket.write(bytes())
      if (outcome === 'refused') socket.end()
      const hello = serverHelloExtensions(await answer)
      assert.equal(hello === undefined ? 'refused' : 'answered', outcome)
      socket.destroy()
      await refusedOnce()
      const session = must(await client.acquire(server.port, [books]))
      assert.equal(session.peer.id, books)
      while (server.hbone.sessions === 0) await turnOfLoop()
      session.http.destroy()
      assert.deepEqual(await atRest(), [])
    })
  }

  test('case 27: a peer that finishes its handshake without ALPN hears no HTTP/2', async () => {
    const socket = connectTls({
      ...clientContextOptions(peer),
      host: '127.0.0.1',
      port: server.port,
      checkServerIdentity: () => undefined,
    })
    socket.on('error', () => undefined)
    let heard = 0
    socket.on('data', (data: Buffer) => (heard += data.length))
    await closed(socket)
    assert.equal(heard, 0)
    assert.match(await refusedOnce(), /h2/u)
  })

  for (const pieceBytes of [1, 13]) {
    test(`case 27: a handshake whose every record was cut to ${pieceBytes} bytes is a session like others`, async () => {
      await using relay = await startRelay(server.port, pieceBytes)
      const session = must(await client.acquire(relay.port, [books]))
      assert.equal(session.peer.id, books)
      while (server.hbone.sessions === 0) await turnOfLoop()
      session.http.destroy()
      assert.deepEqual(await atRest(), [])
    })
  }

  const downgrades: readonly Hello[] = [
    [
      'TLS 1.2 with compression',
      'refused',
      () => records(clientHello({ ciphers: [0xc02b], compressions: [1, 0], extensions: [alpn('h2')] })),
    ],
    [
      'TLS 1.2 that announces renegotiation',
      'refused',
      () =>
        records(
          clientHello({
            ciphers: [0xc02b, 0x00ff],
            extensions: [
              supportedGroups(0x001d),
              signatureAlgorithms,
              extension(0xff01, prefixed8()),
              alpn('h2'),
            ],
          }),
        ),
    ],
    ['TLS 1.3 with compression', 'refused', () => records(clientHello({ compressions: [1, 0] }))],
    ['TLS 1.3 without "no compression"', 'refused', () => records(clientHello({ compressions: [1] }))],
    [
      'a renegotiation that belongs to no session',
      'refused',
      () =>
        records(
          clientHello({
            ciphers: [0xc02b],
            extensions: [
              supportedGroups(0x001d),
              signatureAlgorithms,
              extension(0xff01, prefixed8(Buffer.alloc(12))),
            ],
          }),
        ),
    ],
  ]

  for (const [name, , bytes] of downgrades) {
    test(`case 28: ${name} is refused`, async () => {
      const socket = await dial(server.port)
      const answer = firstBytes(socket)
      socket.write(bytes())
      assert.equal(serverHelloExtensions(await answer), undefined)
      socket.destroy()
      await refusedOnce()
    })
  }

  test('case 28: early data is not taken, and leads nowhere', async () => {
    const socket = await dial(server.port)
    const answer = firstBytes(socket)
    const identity = Buffer.concat([uint16(6 + 32), uint16(32), Buffer.alloc(32, 7), Buffer.alloc(4)])
    const binders = Buffer.concat([uint16(33), prefixed8(Buffer.alloc(32))])
    const hello = clientHello({
      extensions: withAlpn(
        extension(45, prefixed8(Buffer.of(1))),
        extension(42, Buffer.alloc(0)),
        extension(41, Buffer.concat([identity, binders])),
      ),
    })
    const early = records(Buffer.alloc(1000), { type: contentType.applicationData, version: 0x0303 })
    socket.write(Buffer.concat([records(hello), early, early]))
    const extensions = serverHelloExtensions(await answer)
    // A full handshake or none: with pre_shared_key (41) in it, the early data would count.
    assert.equal(extensions?.includes(41) ?? false, false)
    socket.destroy()
    await refusedOnce()
  })

  test('case 28: a session of TLS 1.2 is not to be had, and one of TLS 1.3 is never negotiated again', async () => {
    const options = {
      ...clientContextOptions(peer),
      host: '127.0.0.1',
      port: server.port,
      ALPNProtocols: ['h2'],
      checkServerIdentity: () => undefined,
    }
    const old = connectTls({ ...options, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
    old.on('error', () => undefined)
    await closed(old)
    await refusedOnce()
    const socket = connectTls(options)
    await once(socket, 'secureConnect')
    const again = await new Promise<Error | null>((resolve) => {
      socket.renegotiate({}, resolve)
    })
    assert.ok(again)
    socket.destroy()
  })
})

/** Forwards, with the first flight of the caller cut into small records. */
async function startRelay(
  to: number,
  pieceBytes: number,
): Promise<{ readonly port: number } & AsyncDisposable> {
  return await listen(
    createServer((caller) => {
      const target = connectTcp({ host: '127.0.0.1', port: to })
      for (const socket of [caller, target]) socket.on('error', () => undefined)
      target.pipe(caller)
      caller.once('data', (hello: Buffer) => {
        target.write(records(hello.subarray(5), { pieceBytes }))
        caller.pipe(target)
      })
    }),
  )
}

async function listen(server: Server): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const says = (bytes: Buffer): (() => Server) =>
  function answering() {
    return createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(bytes))
    })
  }

function tlsServer(options: TlsOptions, onSecure?: (socket: TLSSocket) => void): () => Server {
  return () => {
    const server = createTlsServer({ ...serverContextOptions(own), requestCert: true, ...options })
    server.on('tlsClientError', () => undefined)
    server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined)
      onSecure?.(socket)
    })
    return server
  }
}

const hostileServers: readonly (readonly [name: string, make: () => Server])[] = [
  ['closes at once', () => createServer((socket) => socket.end())],
  ['resets at once', () => createServer((socket) => socket.resetAndDestroy())],
  ['answers with HTTP', says(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  ['answers with SSLv2', says(Buffer.from('8004040001000200000000', 'hex'))],
  ['answers with an alert', says(Buffer.from('15030300020228', 'hex'))],
  ['answers with application data', says(Buffer.from('1703030005aabbccddee', 'hex'))],
  ['answers with half a record', says(Buffer.from('1603030100020000', 'hex'))],
  [
    'answers with a ServerHello that is none',
    says(Buffer.from(`160303002c02000028${'00'.repeat(40)}`, 'hex')),
  ],
  ['says hello as a client', says(good())],
  ['sends a thousand empty records', says(Buffer.from('1603030000'.repeat(1000), 'hex'))],
  ['knows no ALPN', tlsServer({})],
  ['knows another protocol only', tlsServer({ ALPNProtocols: ['http/1.1'] })],
]

for (const [name, make] of hostileServers) {
  test(`case 27: a server that ${name} is no session for ClientPool, and the next one is`, async () => {
    await using hostile = await listen(make())
    await using server = await startServer(own)
    using client = startClient(peer)
    const outcome = await client.acquire(hostile.port, [books])
    assert.equal(outcome.ok, false)
    assert.equal(client.pool.sessions, 0)
    assert.equal(must(await client.acquire(server.port, [books])).peer.id, books)
  })
}

test('case 28: ClientPool speaks no TLS 1.2', async () => {
  await using old = await listen(
    tlsServer({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] })(),
  )
  using client = startClient(peer)
  const outcome = await client.acquire(old.port, [books])
  assert.equal(outcome.ok ? '' : outcome.error.reason, 'tls')
})
