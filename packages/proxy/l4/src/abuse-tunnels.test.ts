/** Cases 22, 30 and 33: where a tunnel may lead, who is believed, and what speaks the wrong language to a port. */
import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { must, systemClock, TestClock } from '@tulle/core'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import type { AuthorizationPolicy } from '@tulle/policy'
import type { WorkloadCertificate } from '@tulle/tunnel'
import type { DataPlane } from './data-plane.ts'
import {
  addressUpdate,
  allowPolicy,
  identityOfAccount,
  ip,
  policyUpdate,
  principals,
  startApp,
  testAddress,
  testWorkload,
} from './test-mesh.ts'
import { clientHello, frame, RawPeer, request, tlsOptions } from './test-raw-hbone.ts'
import { certificateOf, certificateWith, planeOf } from './test-wire-plane.ts'

const callerIp = testAddress(1)
const booksIp = testAddress(2)
const strangerIp = testAddress(3)
const hbonePort = 15_008
const plainPort = 24_801
const outboundPort = 24_802

/** An application that keeps what comes and echoes it. */
async function startNotingApp(): Promise<NotingApp> {
  const arrived: Buffer[] = []
  let connections = 0
  const app = await startApp(booksIp, (socket) => {
    connections++
    socket.on('data', (bytes: Buffer) => {
      arrived.push(bytes)
      socket.write(bytes)
    })
    socket.on('end', () => socket.end())
  })
  return {
    port: app.port,
    get bytes() {
      return Buffer.concat(arrived)
    },
    get connections() {
      return connections
    },
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  }
}

interface NotingApp extends AsyncDisposable {
  readonly port: number
  readonly bytes: Buffer
  readonly connections: number
}

async function dial(
  certificate: WorkloadCertificate = certificateOf('shopper'),
  localAddress: string = callerIp,
): Promise<RawPeer> {
  const peer = await RawPeer.dial({
    ...tlsOptions(certificate),
    host: booksIp,
    port: hbonePort,
    localAddress,
  })
  peer.send(clientHello)
  return peer
}

/** The answer to a CONNECT: its status, '' when the session ends instead. */
async function statusOf(peer: RawPeer, stream: number): Promise<string> {
  const found = await peer.frameOf(stream)
  const block = found.slice(found.lastIndexOf(' ') + 1)
  if (block === '88') return '200'
  if (block === '8c') return '400'
  return Buffer.from(block.slice(4), 'hex').toString()
}

/** Resolves when a connection is over, however that comes about. */
function over(socket: Socket): Promise<void> {
  socket.on('error', () => undefined)
  socket.resume()
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

describe('a plane that lets shopper call one port of books', () => {
  let app: NotingApp
  let other: NotingApp
  let plane: DataPlane
  const authority = (port: number, host: string = booksIp): string => `:authority: ${host}:${port}`

  before(async () => {
    app = await startNotingApp()
    other = await startNotingApp()
    plane = await planeOf('books', { hbone: { ip: booksIp, port: hbonePort } }, app.port)
    const match = { ...principals('shopper'), destinationPorts: [app.port] }
    await plane.apply(policyUpdate([allowPolicy('books', match)]))
  })
  after(async () => {
    await plane[Symbol.asyncDispose]()
    await app[Symbol.asyncDispose]()
    await other[Symbol.asyncDispose]()
  })

  const targets: readonly (readonly [what: string, status: string, authority: () => string])[] = [
    ['another port, where somebody listens', '401', () => authority(other.port)],
    ['another address', '400', () => authority(app.port, strangerIp)],
    ['an address of everybody', '400', () => authority(app.port, '0.0.0.0')],
    ['the loopback address', '400', () => authority(app.port, '127.0.0.1')],
    ['a name of nobody', '503', () => authority(app.port, 'localhost')],
    ['the port of captured connections', '503', () => authority(15_001)],
    ['the port of captured plaintext', '503', () => authority(15_006)],
    ['the port of HBONE', '503', () => authority(15_008)],
    ['port 0', '400', () => authority(0)],
    ['a port that is no number', '400', () => `:authority: ${booksIp}:http`],
  ]
  for (const [what, status, target] of targets) {
    test(`case 22: CONNECT to ${what} is ${status}, and what came with it goes nowhere`, async () => {
      const before = [app.connections, other.connections]
      const peer = await dial()
      peer.send(request(1, ':method: CONNECT', target()), frame(0, 1, 1, Buffer.from('early')))
      assert.equal(await statusOf(peer, 1), status)
      peer.send(request(3, ':method: CONNECT', authority(app.port)), frame(0, 0, 3, Buffer.from('allowed')))
      assert.equal(await statusOf(peer, 3), '200')
      assert.equal(await peer.frameOf(3), `00 00 00000003 ${Buffer.from('allowed').toString('hex')}`)
      assert.deepEqual([app.connections, other.connections], [(before[0] ?? 0) + 1, before[1]])
      assert.equal(app.bytes.includes('early') || other.bytes.includes('early'), false)
      peer.socket.destroy()
    })
  }

  test('case 22: a CONNECT that says how long its body is, is a tunnel like others', async () => {
    const peer = await dial()
    peer.send(request(1, ':method: CONNECT', authority(app.port), 'content-length: 3'))
    assert.equal(await statusOf(peer, 1), '200')
    peer.send(frame(0, 0, 1, Buffer.from('more than three')))
    assert.equal(await peer.frameOf(1), `00 00 00000001 ${Buffer.from('more than three').toString('hex')}`)
    peer.socket.destroy()
  })

  test('case 22: what a hundred refused callers sent early takes nothing from the next one', async () => {
    const peer = await dial()
    const early = Buffer.alloc(60_000, 0x65)
    for (let id = 1; id < 200; id += 2) {
      peer.send(request(id, ':method: CONNECT', authority(other.port)), frame(0, 0, id, early))
      // From the second on, HPACK says 401 by its table's newest entry.
      if (id === 1) assert.equal(await statusOf(peer, id), '401')
      else assert.match(await peer.frameOf(id), /^01 05 [0-9a-f]{8} be$/u)
    }
    peer.send(request(201, ':method: CONNECT', authority(app.port)), frame(0, 1, 201, early))
    assert.equal(await statusOf(peer, 201), '200')
    let echoed = 0
    for (let found = ''; !found.startsWith('00 01 ');) {
      found = await peer.frameOf(201)
      assert.match(found, /^00 0[01] /u)
      echoed += (found.length - '00 00 00000000 '.length) / 2
    }
    assert.equal(echoed, early.length)
    peer.socket.destroy()
  })
})

const evil = spiffeId(must(parseSpiffeId('spiffe://cluster.local/ns/evil/sa/shopper')))
const bySource = { sourceIps: [{ address: ip(callerIp), prefixBits: 32 }] }
const byNamespace = { namespaces: [{ kind: 'exact', value: 'shop' }] } as const

/** Each would be let in if what it says of itself counted. */
const claims: readonly (readonly [what: string, fields: readonly string[]])[] = [
  ['nothing at all', []],
  [
    'its namespace in baggage',
    ['baggage: k8s.namespace.name=shop,k8s.pod.name=shopper,service.name=shopper'],
  ],
  ['an address in forwarded', [`forwarded: for="${callerIp}:4242"`]],
  ['an address in x-forwarded-for', [`x-forwarded-for: ${callerIp}`]],
  [
    'a certificate in x-forwarded-client-cert',
    [`x-forwarded-client-cert: By=${identityOfAccount('books')};URI=${identityOfAccount('shopper')}`],
  ],
  [
    'to be a waypoint',
    ['x-istio-source: waypoint', 'x-forwarded-network: elsewhere', 'baggage: k8s.namespace.name=shop'],
  ],
]

const impostors: readonly (readonly [
  who: string,
  policy: AuthorizationPolicy,
  certificate: () => WorkloadCertificate,
  address: string,
])[] = [
  [
    'an account of another name, from the address of the right one',
    allowPolicy('books', principals('shopper')),
    () => certificateOf('thief'),
    callerIp,
  ],
  [
    'the same account in another namespace',
    allowPolicy('books', principals('shopper')),
    () => certificateWith(evil),
    callerIp,
  ],
  ['another namespace', allowPolicy('books', byNamespace), () => certificateWith(evil), callerIp],
  ['another address', allowPolicy('books', bySource), () => certificateOf('shopper'), strangerIp],
]

describe('who is believed', () => {
  let app: NotingApp
  let plane: DataPlane
  before(async () => {
    app = await startNotingApp()
    plane = await planeOf('books', { hbone: { ip: booksIp, port: hbonePort } }, app.port)
  })
  after(async () => {
    await plane[Symbol.asyncDispose]()
    await app[Symbol.asyncDispose]()
  })

  for (const [who, policy, certificate, address] of impostors) {
    for (const [what, fields] of claims) {
      test(`case 30: ${who} is refused when it claims ${what}`, async () => {
        await plane.apply(policyUpdate([policy]))
        const peer = await dial(certificate(), address)
        peer.send(request(1, ':method: CONNECT', `:authority: ${booksIp}:${app.port}`, ...fields))
        assert.equal(await statusOf(peer, 1), '401')
        peer.socket.destroy()
      })
    }
  }

  test('case 30: lists name who was proven, whatever the caller says', async () => {
    await plane.apply(policyUpdate([allowPolicy('books', principals('shopper'))]))
    const peer = await dial(certificateOf('shopper'), strangerIp)
    const fields = ['baggage: k8s.namespace.name=admin,service.name=root', `forwarded: for="${callerIp}:1"`]
    peer.send(request(1, ':method: CONNECT', `:authority: ${booksIp}:${app.port}`, ...fields))
    assert.equal(await statusOf(peer, 1), '200')
    const [found] = await plane.connections()
    assert.equal(found?.sourceIdentity, identityOfAccount('shopper'))
    assert.equal(found.source.ip, strangerIp)
    const { families } = await plane.metrics()
    const opened = families.find(({ name }) => name === 'istio_tcp_connections_opened')
    const labels = opened?.series.at(-1)?.labels ?? []
    assert.ok(labels.includes(identityOfAccount('shopper')))
    assert.ok(labels.includes('shop'))
    assert.equal(labels.includes('admin'), false)
    peer.socket.destroy()
  })
})

describe('the wrong language', () => {
  let app: NotingApp
  let plane: DataPlane
  before(async () => {
    app = await startNotingApp()
    const plaintext = {
      listen: { ip: booksIp, port: plainPort },
      destination: { ip: booksIp, port: app.port },
    }
    const listeners = { hbone: { ip: booksIp, port: hbonePort }, fixedPlaintext: [plaintext] }
    // Time stands still: what is refused is refused at sight, not when patience ends.
    const clock = new TestClock(systemClock.nowMs())
    plane = await planeOf('books', listeners, app.port, { clock })
  })
  after(async () => {
    await plane[Symbol.asyncDispose]()
    await app[Symbol.asyncDispose]()
  })
  const permissive = addressUpdate([testWorkload('books', booksIp)])
  const strict = addressUpdate([testWorkload('books', booksIp, { policies: ['shop/books'] })])

  for (const mode of ['permissive', 'strict'] as const) {
    for (const words of [
      'GET / HTTP/1.1\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'x',
      '\0'.repeat(1000),
    ]) {
      test(`case 33: plain text to the mTLS port is refused, ${mode}: ${JSON.stringify(words.slice(0, 14))}`, async () => {
        await plane.apply(mode === 'strict' ? strict : permissive)
        const before = app.connections
        const socket = connect({ host: booksIp, port: hbonePort, localAddress: callerIp })
        const ended = over(socket)
        const pieces: Buffer[] = []
        socket.on('data', (bytes: Buffer) => pieces.push(bytes))
        // It does not end by itself: the proxy has to see that this leads nowhere.
        socket.write(words)
        await ended
        const heard = Buffer.concat(pieces)
        // An alert at most.
        assert.ok(heard.length <= 7 && (heard.length === 0 || heard[0] === 21), heard.toString('hex'))
        assert.equal(app.connections, before)
        assert.deepEqual(await plane.connections(), [])
      })
    }
  }

  const tlsToPlainPort = (): Socket => {
    const options: ConnectionOptions & { readonly localAddress: string } = {
      ...tlsOptions(certificateOf('shopper')),
      host: booksIp,
      port: plainPort,
      localAddress: callerIp,
      checkServerIdentity: () => undefined,
    }
    return connectTls(options)
  }

  test('case 33: mTLS to a plain port passes as opaque bytes where plaintext does, and proves nobody', async () => {
    await plane.apply(permissive)
    const before = app.bytes.length
    const socket = tlsToPlainPort()
    const ended = over(socket)
    while (app.bytes.length === before) await new Promise((resolve) => setImmediate(resolve))
    // The application has the hello itself: nobody took TLS off on the way.
    assert.deepEqual([...app.bytes.subarray(before, before + 2)], [22, 3])
    for (const found of await plane.connections()) {
      assert.equal(found.protocol, 'tcp')
      assert.equal(found.sourceIdentity, undefined)
    }
    socket.destroy()
    await ended
  })

  test('case 33: mTLS to a plain port is no way around a policy that wants an identity', async () => {
    await plane.apply(strict)
    const before = app.connections
    await over(tlsToPlainPort())
    assert.equal(app.connections, before)
  })
})

test('case 33: a destination that has stopped speaking mTLS is not called in plain text instead', async () => {
  await using app = await startNotingApp()
  const heard: Buffer[] = []
  const impostor = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      heard.push(bytes)
      socket.end('220 ready\r\n')
    })
  })
  await new Promise<void>((resolve) => impostor.listen(hbonePort, booksIp, resolve))
  const listen = { ip: callerIp, port: outboundPort }
  const fixedOutbound = [{ listen, destination: { ip: booksIp, port: app.port } }]
  await using plane = await planeOf('shopper', { fixedOutbound }, 9)
  await plane.apply(addressUpdate([testWorkload('books', booksIp)]))
  const { port } = listen
  const socket = connect({ host: callerIp, port, localAddress: callerIp })
  socket.write('secret')
  await over(socket)
  await new Promise((resolve) => impostor.close(resolve))
  // A ClientHello came there, and nothing else.
  const all = Buffer.concat(heard)
  assert.deepEqual([all[0], all.includes('secret')], [22, false])
  assert.equal(app.connections, 0)
  assert.equal(socket.bytesRead, 0)
})
