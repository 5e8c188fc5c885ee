import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { must, systemClock, TestClock } from '@tulle/core'
import { createRoot } from '@tulle/x509'
import type { WorkloadCertificate } from './credentials.ts'
import { clientContextOptions } from './tls-settings.ts'
import { chainBelow, hourMs, testCertificate, testId, testRoot } from './test-certificates.ts'
import type { TestCertificateOptions } from './test-certificates.ts'
import type { TunnelTarget } from './dial.ts'
import type { ClientTunnelSession } from './tunnel-session.ts'
import { startClient, startServer } from './test-pair.ts'

const rootA = testRoot()
const rootB = testRoot()
const stranger = testRoot()
/** Root A may sign for cluster.local, root B for other.mesh: both are known everywhere. */
const trusts = { 'cluster.local': [rootA], 'other.mesh': [rootB] }
const books = testId('books')
const shopper = testId('shopper')

function certificate(options: Partial<TestCertificateOptions> = {}): WorkloadCertificate {
  return testCertificate({ root: rootA, identity: books, trusts, ...options })
}

function below(count: number): WorkloadCertificate {
  const intermediates = chainBelow(rootA, count)
  return certificate({ root: intermediates[0] ?? rootA, intermediates })
}

interface BadPeer {
  readonly name: string
  readonly server: string
  readonly client: RegExp
  readonly bad: () => WorkloadCertificate
}

const nowMs = systemClock.nowMs()

/** Each is presented by a client to a server, and by a server to a client; nobody may believe it. */
const badPeers: readonly BadPeer[] = [
  {
    name: 'a forged self-signed certificate with a right SAN',
    server: 'handshake',
    client: /tls/u,
    bad: () => certificate({ selfSigned: true }),
  },
  {
    name: 'a certificate of a root that nobody trusts',
    server: 'handshake',
    client: /tls/u,
    bad: () => certificate({ root: stranger }),
  },
  {
    name: 'an identity of domain B signed by the root of domain A',
    server: 'untrusted',
    client: /peer/u,
    bad: () => certificate({ identity: testId('books', 'other.mesh') }),
  },
  {
    name: 'an identity of domain A signed by the root of domain B',
    server: 'untrusted',
    client: /peer/u,
    bad: () => certificate({ root: rootB }),
  },
  {
    name: 'an identity of a trust domain that nobody knows',
    server: 'unknown-trust-domain',
    client: /peer/u,
    bad: () => certificate({ identity: testId('books', 'foreign.mesh') }),
  },
  {
    name: 'two URI SANs, the first of them right',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: [books, testId('admin')] }),
  },
  {
    name: 'no URI SAN',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: [] }),
  },
  {
    name: 'a URI that is no SPIFFE id of a workload',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: ['spiffe://cluster.local/ns/shop/sa/books/extra'] }),
  },
  {
    name: 'dots that would lead back to a right id',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: ['spiffe://cluster.local/ns/admin/../shop/sa/books'] }),
  },
  {
    name: 'a wildcard for its account',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: ['spiffe://cluster.local/ns/shop/sa/*'] }),
  },
  {
    name: 'a wildcard for its trust domain',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: ['spiffe://*/ns/shop/sa/books'] }),
  },
  {
    name: 'a NUL behind a right id',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: [`${books}\0.evil`] }),
  },
  {
    name: 'a NUL at the end of a right id',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: [`${books}\0`] }),
  },
  {
    name: 'its id as a common name only',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: [], subject: { commonName: books } }),
  },
  {
    name: 'its id as a DNS name only',
    server: 'bad-identity',
    client: /peer/u,
    bad: () => certificate({ uriSans: [], dnsSans: [books] }),
  },
  {
    name: 'a chain of twelve intermediates, all of them good',
    server: 'untrusted',
    client: /peer/u,
    bad: () => below(12),
  },
  {
    name: 'a chain of a hundred and twenty intermediates',
    server: 'handshake',
    client: /tls/u,
    bad: () => below(120),
  },
  {
    name: 'an expired certificate',
    server: 'handshake',
    client: /tls/u,
    bad: () => certificate({ notBeforeMs: nowMs - 2 * hourMs, notAfterMs: nowMs - hourMs }),
  },
  {
    name: 'a certificate of the future',
    server: 'handshake',
    client: /tls/u,
    bad: () => certificate({ notBeforeMs: nowMs + hourMs, notAfterMs: nowMs + 2 * hourMs }),
  },
]

/** A bad client's own idea of whom to trust does not matter; its expiry would keep the pool from even trying. */
async function presentTo(port: number, bad: WorkloadCertificate): Promise<TLSSocket> {
  const socket = connect({
    ...clientContextOptions(bad),
    host: '127.0.0.1',
    port,
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  })
  socket.on('error', () => undefined)
  // Not events.once, which rejects when an error comes before.
  await new Promise((resolve) => socket.once('close', resolve))
  return socket
}

for (const peer of badPeers) {
  test(`case 29: HboneServer refuses ${peer.name}`, async () => {
    await using server = await startServer(certificate())
    const [refusal] = await Promise.all([server.refused(), presentTo(server.port, peer.bad())])
    assert.equal(refusal.reason, peer.server)
    assert.equal(server.hbone.sessions, 0)
    assert.equal(server.hbone.handshakes, 0)
  })

  test(`case 29: ClientPool refuses ${peer.name}`, async () => {
    const bad = peer.bad()
    // The server's holder takes only what is valid by its clock.
    const clock = new TestClock(bad.notBeforeMs)
    await using server = await startServer(bad, { clock })
    using client = startClient(certificate({ identity: shopper }))
    const outcome = await client.acquire(server.port, [books, bad.identity])
    assert.equal(outcome.ok, false)
    assert.match(outcome.ok ? '' : outcome.error.reason, peer.client)
  })
}

test('both sides believe a certificate that an intermediate of the right root has signed', async () => {
  const intermediate = createRoot({
    issuer: rootA,
    notBeforeMs: nowMs - hourMs,
    notAfterMs: nowMs + hourMs,
    subject: { organization: 'intermediate' },
  })
  const of = (identity: typeof books): WorkloadCertificate =>
    certificate({ root: intermediate, intermediates: [intermediate], identity })
  await using server = await startServer(of(books))
  using client = startClient(of(shopper))
  const session = must(await client.acquire(server.port, [books]))
  assert.equal(session.peer.id, books)
  assert.equal(session.tlsGroup, 'X25519MLKEM768')
})

test('ClientPool refuses a valid peer whose identity is not the expected one', async () => {
  await using server = await startServer(certificate())
  using client = startClient(certificate({ identity: shopper }))
  const outcome = await client.acquire(server.port, [testId('payments')])
  assert.equal(outcome.ok, false)
  assert.match(outcome.ok ? '' : outcome.error.message, /expected spiffe:.*payments, found spiffe:.*books/u)
})

/** An id as a pattern would match each of these. */
for (const [expected, found] of [
  ['a.b', 'axb'],
  ['a.b', 'a-b'],
  ['books', 'books2'],
  ['books', 'mybooks'],
  ['books', 'book'],
] as const) {
  test(`case 29: where ${expected} is expected, ${found} is somebody else`, async () => {
    await using impostor = await startServer(certificate({ identity: testId(found) }))
    await using right = await startServer(certificate({ identity: testId(expected) }))
    using client = startClient(certificate({ identity: shopper }))
    const outcome = await client.acquire(impostor.port, [testId(expected)])
    assert.equal(outcome.ok ? '' : outcome.error.reason, 'peer')
    assert.equal(must(await client.acquire(right.port, [testId(expected)])).peer.id, testId(expected))
  })
}

test('case 29: HboneServer refuses a peer without a certificate', async () => {
  await using server = await startServer(certificate())
  const { ca } = clientContextOptions(certificate())
  const socket = connect({
    ...(ca && { ca }),
    host: '127.0.0.1',
    port: server.port,
    ALPNProtocols: ['h2'],
    checkServerIdentity: () => undefined,
  })
  socket.on('error', () => undefined)
  // TLS 1.3 has the client believe in its handshake until the server's alert comes.
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const [refusal] = await Promise.all([server.refused(), closed])
  assert.equal(refusal.reason, 'handshake')
  assert.equal(server.hbone.sessions, 0)
})

/** OpenSSL reads the machine's clock, we read ours as well: a certificate has to be good by both. */
const longLived = { notBeforeMs: nowMs - 20 * hourMs, notAfterMs: nowMs + 20 * hourMs }

test('case 29: HboneServer refuses a certificate that has expired since it was last believed', async () => {
  const clock = new TestClock(nowMs)
  await using server = await startServer(certificate(longLived), { clock })
  const visitor = certificate({ identity: shopper })
  {
    using client = startClient(visitor)
    must(await client.acquire(server.port, [books]))
  }
  await clock.advance(2 * hourMs)
  const [refusal] = await Promise.all([server.refused(), presentTo(server.port, visitor)])
  assert.equal(refusal.reason, 'not-valid-now')
})

test('case 29: ClientPool refuses a certificate that has expired since it was last believed', async () => {
  const clock = new TestClock(nowMs)
  await using server = await startServer(certificate())
  using client = startClient(certificate({ identity: shopper, ...longLived }), { clock })
  must(await client.acquire(server.port, [books])).http.destroy()
  await clock.advance(2 * hourMs)
  const outcome = await client.acquire(server.port, [books])
  assert.match(outcome.ok ? '' : outcome.error.message, /is not valid now/u)
})

test('case 29: both sides refuse a certificate that is not valid yet by our own clock', async () => {
  const clock = new TestClock(nowMs - 2 * hourMs)
  await using early = await startServer(certificate(longLived), { clock })
  const [refusal] = await Promise.all([early.refused(), presentTo(early.port, certificate())])
  assert.equal(refusal.reason, 'not-valid-now')
  await using server = await startServer(certificate())
  using client = startClient(certificate({ identity: shopper, ...longLived }), { clock })
  const outcome = await client.acquire(server.port, [books])
  assert.match(outcome.ok ? '' : outcome.error.message, /is not valid before/u)
})

test('case 28: HboneServer resumes no session, so that there is no early data either', async () => {
  await using server = await startServer(certificate())
  const own = certificate({ identity: shopper })
  const dial = (session?: Buffer): TLSSocket =>
    connect({
      ...clientContextOptions(own),
      host: '127.0.0.1',
      port: server.port,
      ALPNProtocols: ['h2'],
      checkServerIdentity: () => undefined,
      ...(session && { session }),
    })
  const first = dial()
  const sessions: Buffer[] = []
  first.on('session', (session: Buffer) => sessions.push(session))
  await once(first, 'secureConnect')
  // The server's SETTINGS come after whatever tickets it gives.
  first.resume()
  await once(first, 'data')
  const second = dial(sessions.at(-1) ?? first.getSession())
  await once(second, 'secureConnect')
  assert.equal(second.isSessionReused(), false)
  first.destroy()
  second.destroy()
})

test('HboneServer refuses a peer whose serial or identity is revoked, and ends its session', async () => {
  await using server = await startServer(certificate())
  const own = certificate({ identity: shopper })
  using client = startClient(own)
  const session = must(await client.acquire(server.port, [books]))
  const closed = Promise.withResolvers<number>()
  session.open([':method', 'CONNECT', ':authority', '127.0.0.1:80'], {
    onHeaders: () => undefined,
    onData: () => false,
    onEnd: () => undefined,
    onReset: (code) => closed.resolve(code),
    onWritable: () => undefined,
  })
  while (server.hbone.sessions === 0) await new Promise((resolve) => setImmediate(resolve))
  server.credentials.setRevocations({ identities: new Set(), serials: new Set([own.serial]) })
  server.keeper.endRevoked()
  await closed.promise
  const [refusal] = await Promise.all([server.refused(), presentTo(server.port, own)])
  assert.equal(refusal.reason, 'revoked')
  assert.equal(server.hbone.sessions, 0)
})

test('a session says GOAWAY when a certificate ends, and a new one is dialed', async () => {
  const clock = new TestClock(nowMs)
  await using server = await startServer(certificate(), { clock })
  const own = certificate({ identity: shopper, notAfterMs: nowMs + 60_000 })
  using client = startClient(own, { clock })
  const first = must(await client.acquire(server.port, [books]))
  const renewed = certificate({ identity: shopper, notAfterMs: nowMs + hourMs })
  client.credentials.set(renewed)
  assert.equal(must(await client.acquire(server.port, [books])), first, 'a renewal leaves the session alone')
  await clock.advance(62_000)
  assert.equal(first.http.usable, false)
  const second = must(await client.acquire(server.port, [books]))
  assert.notEqual(second, first)
  assert.equal(second.endsAtMs, Math.min(renewed.notAfterMs, second.peer.notAfterMs))
})

test('ClientPool shares one dial between concurrent first requests, and dials again at the stream limit', async () => {
  await using server = await startServer(certificate(), { onTunnel: () => undefined })
  using client = startClient(certificate({ identity: shopper }), { maxStreamsPerSession: 2 })
  const hold = {
    onHeaders: () => undefined,
    onData: () => false,
    onEnd: () => undefined,
    onReset: () => undefined,
    onWritable: () => undefined,
  }
  const sessions = new Set<unknown>()
  const target = {
    address: '127.0.0.1',
    port: server.port,
    destinationIdentities: [books],
    sourceAddress: '127.0.0.1',
  }
  await Promise.all(
    Array.from(
      { length: 5 },
      () =>
        new Promise<void>((resolve) => {
          client.pool.acquire(target, (outcome) => {
            const session = must(outcome)
            sessions.add(session)
            assert.ok(session.open([':method', 'CONNECT', ':authority', '127.0.0.1:80'], hold))
            resolve()
          })
        }),
    ),
  )
  assert.equal(sessions.size, 3)
  assert.equal(client.pool.sessions, 3)
})

test('ClientPool fails when its certificate has expired, without a handshake', async () => {
  const clock = new TestClock(nowMs)
  using client = startClient(certificate({ identity: shopper, notAfterMs: nowMs + 1000 }), { clock })
  await clock.advance(2000)
  const outcome = await client.acquire(9, [books])
  assert.equal(outcome.ok ? '' : outcome.error.reason, 'no-certificate')
})

test('ClientPool gives up on a peer that grants no streams, instead of dialing for ever', async () => {
  await using server = await startServer(certificate(), { maxStreamsPerSession: 0 })
  using client = startClient(certificate({ identity: shopper }), { maxSessionsPerTarget: 2 })
  const outcomes: string[] = []
  for (let round = 0; round < 4; round++) {
    const outcome = await client.acquire(server.port, [books])
    outcomes.push(outcome.ok ? 'session' : outcome.error.reason)
    // Its SETTINGS say so; until they are here, streams may be opened as with any peer.
    if (outcome.ok) {
      while (outcome.value.room > 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  assert.deepEqual(outcomes, ['session', 'session', 'no-room', 'no-room'])
  assert.equal(client.pool.sessions, 2)
})

/** What the receiver must be able to tell apart: whatever differs here must not share a session. */
const otherTargets: Readonly<Record<string, Partial<TunnelTarget>>> = {
  'source address': { sourceAddress: '127.0.0.9' },
  'destination address': { address: '127.0.0.2' },
  'expected identity': { destinationIdentities: [books, testId('payments')] },
}

for (const [what, other] of Object.entries(otherTargets)) {
  test(`ClientPool shares no session with another ${what}`, async () => {
    await using server = await startServer(certificate(), { address: '0.0.0.0' })
    using client = startClient(certificate({ identity: shopper }))
    const target = {
      address: '127.0.0.1',
      port: server.port,
      destinationIdentities: [books],
      sourceAddress: '127.0.0.1',
    }
    const acquire = (wanted: TunnelTarget): Promise<ClientTunnelSession> =>
      new Promise((resolve) => client.pool.acquire(wanted, (outcome) => resolve(must(outcome))))
    const first = await acquire(target)
    assert.equal(await acquire({ ...target }), first)
    assert.notEqual(await acquire({ ...target, ...other }), first)
    assert.equal(client.pool.sessions, 2)
  })
}

test('ClientPool shares no session with another port', async () => {
  await using server = await startServer(certificate())
  await using second = await startServer(certificate())
  using client = startClient(certificate({ identity: shopper }))
  const first = must(await client.acquire(server.port, [books]))
  assert.notEqual(must(await client.acquire(second.port, [books])), first)
})

test('case 31: nothing new travels on a session when the root behind its peer has left the bundle', async () => {
  const clock = new TestClock(nowMs)
  await using server = await startServer(certificate(), { clock })
  const next = testRoot()
  const own = (roots: readonly ReturnType<typeof testRoot>[]): WorkloadCertificate =>
    certificate({ identity: shopper, trusts: { 'cluster.local': roots } })
  using client = startClient(own([rootA]), { clock })
  const session = must(await client.acquire(server.port, [books]))
  client.credentials.set(own([rootA, next]))
  await clock.advance(1000)
  assert.equal(session.http.usable, true, 'another root beside it changes nothing')
  client.credentials.set(own([next]))
  await clock.advance(1000)
  assert.equal(session.http.usable, false)
})
