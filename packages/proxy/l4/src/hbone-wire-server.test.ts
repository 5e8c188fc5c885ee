/** The wire format of HBONE, byte for byte, as a server. @see research/ambient.md §1 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DataPlane } from './data-plane.ts'
import { startApp } from './test-mesh.ts'
import { clientHello, frame, RawPeer, request, tlsOptions } from './test-raw-hbone.ts'
import { booksIp, callerIp, certificateOf, planeOf } from './test-wire-plane.ts'

async function deadPort(): Promise<number> {
  await using app = await startApp(booksIp, () => undefined)
  return app.port
}

describe('HBONE as a server', () => {
  let app: Awaited<ReturnType<typeof startApp>>
  let plane: DataPlane
  let closedPort = 0

  before(async () => {
    app = await startApp(booksIp, (socket) => void socket.pipe(socket))
    closedPort = await deadPort()
    plane = await planeOf('books', { hbone: { ip: booksIp, port: 15_008 } }, app.port)
  })
  after(async () => {
    await plane[Symbol.asyncDispose]()
    await app[Symbol.asyncDispose]()
  })

  const dial = (account: string): Promise<RawPeer> =>
    RawPeer.dial({
      ...tlsOptions(certificateOf(account)),
      host: booksIp,
      port: 15_008,
      localAddress: callerIp,
    })

  test('its first frames are SETTINGS and the rest of the session window', async () => {
    const peer = await dial('shopper')
    assert.equal(peer.socket.getProtocol(), 'TLSv1.3')
    assert.equal(peer.socket.alpnProtocol, 'h2')
    peer.send(clientHello)
    // HEADER_TABLE_SIZE 4096, INITIAL_WINDOW_SIZE 256 KiB (grows to 4 MiB), MAX_FRAME_SIZE 1 MiB,
    // MAX_HEADER_LIST_SIZE 64 KiB, MAX_CONCURRENT_STREAMS 200; no ENABLE_PUSH, no extended CONNECT.
    const settings = '000100001000 000400040000 000500100000 000600010000 0003000000c8'
    assert.equal(await peer.frame(), `04 00 00000000 ${settings.replaceAll(' ', '')}`)
    assert.equal(await peer.frame(), `08 00 00000000 ${(1024 * 1024 - 65_535).toString(16).padStart(8, '0')}`)
    assert.equal(await peer.frame(), '04 01 00000000 ')
    peer.socket.destroy()
  })

  /** END_STREAM with each: a refusal has no body. Then RST_STREAM(NO_ERROR): nothing more is read. */
  const refusals: readonly (readonly [
    status: '400' | '401' | '503',
    name: string,
    fields: () => string[],
    who?: string,
  ])[] = [
    [
      '400',
      'a method that is not CONNECT',
      () => [':method: GET', ':scheme: http', ':authority: x:1', ':path: /'],
    ],
    ['400', 'an authority without a port', () => [':method: CONNECT', `:authority: ${booksIp}`]],
    ['400', 'an authority that is no authority', () => [':method: CONNECT', ':authority: a b:80']],
    [
      '400',
      'an address that is not the one the session came to',
      () => [':method: CONNECT', `:authority: ${callerIp}:80`],
    ],
    [
      '400',
      'another address, with a port of the proxy: the address comes first',
      () => [':method: CONNECT', `:authority: ${callerIp}:15008`],
    ],
    [
      '503',
      'a service that nobody knows',
      () => [':method: CONNECT', ':authority: none.shop.svc.cluster.local:80'],
    ],
    ['503', 'a service of others', () => [':method: CONNECT', ':authority: other.shop.svc.cluster.local:80']],
    [
      '503',
      'a port that the service has not',
      () => [':method: CONNECT', ':authority: books.shop.svc.cluster.local:82'],
    ],
    [
      '503',
      'a service port without a target',
      () => [':method: CONNECT', ':authority: books.shop.svc.cluster.local:81'],
    ],
    [
      '503',
      'the port of captured outbound connections',
      () => [':method: CONNECT', `:authority: ${booksIp}:15001`],
    ],
    ['503', 'the port of captured plaintext', () => [':method: CONNECT', `:authority: ${booksIp}:15006`]],
    ['503', 'the port of HBONE itself', () => [':method: CONNECT', `:authority: ${booksIp}:15008`]],
    [
      '503',
      'a port of the proxy before policy is asked',
      () => [':method: CONNECT', `:authority: ${booksIp}:15008`],
      'thief',
    ],
    [
      '401',
      'a caller that no rule allows',
      () => [':method: CONNECT', `:authority: ${booksIp}:${app.port}`],
      'thief',
    ],
    [
      '401',
      'such a caller where nobody listens: policy comes before the connection',
      () => [':method: CONNECT', `:authority: ${booksIp}:${closedPort}`],
      'thief',
    ],
    [
      '401',
      'such a caller that claims to be another in its headers',
      () => [
        ':method: CONNECT',
        `:authority: ${booksIp}:${app.port}`,
        'baggage: k8s.namespace.name=shop',
        `forwarded: for="${callerIp}:1"`,
      ],
      'thief',
    ],
    [
      '503',
      'a port where nobody listens',
      () => [':method: CONNECT', `:authority: ${booksIp}:${closedPort}`],
    ],
  ]

  for (const [status, name, fields, who = 'shopper'] of refusals) {
    test(`it answers ${status} to ${name}`, async () => {
      const peer = await dial(who)
      peer.send(clientHello, request(1, ...fields()))
      assert.equal(await peer.frameOf(1), `01 05 00000001 ${statusBlock(status)}`)
      assert.equal(await peer.frameOf(1), '03 00 00000001 00000000')
      peer.socket.destroy()
    })
  }

  const accepted: Readonly<Record<string, () => string[]>> = {
    'its own address': () => [`:authority: ${booksIp}:${app.port}`],
    'its own address, mapped into IPv6': () => [`:authority: [::ffff:${booksIp}]:${app.port}`],
    'a service that it serves': () => [':authority: books.shop.svc.cluster.local:80'],
    'fields that nobody knows, and malformed ones': () => [
      `:authority: ${booksIp}:${app.port}`,
      'x-istio-source: waypoint',
      'baggage: ,,=',
      'forwarded: ;',
      'traceparent: zz',
    ],
  }

  for (const [name, fields] of Object.entries(accepted)) {
    test(`it answers 200 to ${name}, then the bytes, and END_STREAM is the end`, async () => {
      const peer = await dial('shopper')
      peer.send(clientHello, request(1, ':method: CONNECT', ...fields()))
      // HEADERS with END_HEADERS alone, `:status: 200` by its index.
      assert.equal(await peer.frameOf(1), '01 04 00000001 88')
      peer.send(frame(0, 0, 1, Buffer.from('ping')))
      assert.equal(await peer.frameOf(1), `00 00 00000001 ${Buffer.from('ping').toString('hex')}`)
      peer.send(frame(0, 1, 1, Buffer.alloc(0)))
      assert.equal(await peer.frameOf(1), '00 01 00000001 ')
      peer.socket.destroy()
    })
  }

  test('a CONNECT with :scheme and :path is malformed: PROTOCOL_ERROR on its stream alone', async () => {
    const peer = await dial('shopper')
    const authority = `:authority: ${booksIp}:${app.port}`
    peer.send(clientHello, request(1, ':method: CONNECT', ':scheme: https', ':path: /', authority))
    assert.equal(await peer.frameOf(1), '03 00 00000001 00000001')
    peer.send(request(3, ':method: CONNECT', authority))
    assert.equal(await peer.frameOf(3), '01 04 00000003 88')
    peer.socket.destroy()
  })

  test('RST_STREAM is a reset of the application', async () => {
    const failed = Promise.withResolvers<string>()
    const accepting = Promise.withResolvers<undefined>()
    await using resettable = await startApp(booksIp, (socket) => {
      socket.on('error', (error) => failed.resolve((error as NodeJS.ErrnoException).code ?? ''))
      socket.once('data', () => accepting.resolve(undefined))
    })
    const peer = await dial('shopper')
    peer.send(clientHello, request(1, ':method: CONNECT', `:authority: ${booksIp}:${resettable.port}`))
    assert.equal(await peer.frameOf(1), '01 04 00000001 88')
    peer.send(frame(0, 0, 1, Buffer.from('x')))
    await accepting.promise
    peer.send(frame(3, 0, 1, Buffer.from('00000008', 'hex')))
    assert.equal(await failed.promise, 'ECONNRESET')
    peer.socket.destroy()
  })

  test('a reset of the application is RST_STREAM, CONNECT_ERROR', async () => {
    await using resetting = await startApp(booksIp, (socket) => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    const peer = await dial('shopper')
    peer.send(clientHello, request(1, ':method: CONNECT', `:authority: ${booksIp}:${resetting.port}`))
    assert.equal(await peer.frameOf(1), '01 04 00000001 88')
    peer.send(frame(0, 0, 1, Buffer.from('x')))
    assert.equal(await peer.frameOf(1), '03 00 00000001 0000000a')
    peer.socket.destroy()
  })

  test('the end of one direction leaves the other open', async () => {
    await using late = await startApp(booksIp, (socket) => {
      socket.resume()
      socket.once('end', () => socket.end('after your end'))
    })
    const peer = await dial('shopper')
    peer.send(clientHello, request(1, ':method: CONNECT', `:authority: ${booksIp}:${late.port}`))
    peer.send(frame(0, 1, 1, Buffer.from('all')))
    assert.equal(await peer.frameOf(1), '01 04 00000001 88')
    assert.match(
      await peer.frameOf(1),
      new RegExp(`^00 0[01] 00000001 ${Buffer.from('after your end').toString('hex')}$`, 'u'),
    )
    peer.socket.destroy()
  })

  test('it wants ALPN h2 and TLS 1.3', async () => {
    const options = { ...tlsOptions(certificateOf('shopper')), host: booksIp, port: 15_008 }
    await assert.rejects(RawPeer.dial({ ...options, ALPNProtocols: ['http/1.1'] }))
    await assert.rejects(RawPeer.dial({ ...options, maxVersion: 'TLSv1.2' }))
    const bare = await RawPeer.dial({ ...options, ALPNProtocols: [] }).catch(() => undefined)
    assert.equal(await (bare?.frame() ?? ''), '')
  })

  test('it wants a certificate', async () => {
    const { ca } = tlsOptions(certificateOf('shopper'))
    const options = { host: booksIp, port: 15_008, ALPNProtocols: ['h2'], ...(ca !== undefined && { ca }) }
    const peer = await RawPeer.dial(options).catch(() => undefined)
    peer?.send(clientHello, request(1, ':method: CONNECT', `:authority: ${booksIp}:${app.port}`))
    assert.equal(await (peer?.frame() ?? ''), '')
  })
})

/** `:status` as our encoder writes it: 400 has an index, the others are literals under that of the name. */
function statusBlock(status: '400' | '401' | '503'): string {
  return status === '400' ? '8c' : `4803${Buffer.from(status).toString('hex')}`
}
