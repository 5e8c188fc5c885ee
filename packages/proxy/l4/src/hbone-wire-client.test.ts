/** The wire format of HBONE, byte for byte, as a client. @see research/ambient.md §1 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createSecureServer as createHttp2Server } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { createServer as createTcpServer, connect } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createServer } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import type { DataPlane } from './data-plane.ts'
import { addressUpdate, identityOfAccount, testAddress, testWorkload } from './test-mesh.ts'
import { clientHello, frame, RawPeer, tlsOptions } from './test-raw-hbone.ts'
import { callerIp, certificateOf, planeOf } from './test-wire-plane.ts'

const serverOptions = { ...tlsOptions(certificateOf('books')), requestCert: true, rejectUnauthorized: true }

describe('HBONE as a client', () => {
  const rawIp = testAddress(3)
  const nodeIp = testAddress(4)
  const hellos: Buffer[] = []
  const peers: TLSSocket[] = []
  const arrivals: ((peer: RawPeer) => void)[] = []
  let plane: DataPlane
  const stack = new AsyncDisposableStack()

  /** A connection of an application on its way to the proxy at `ip`: each from an address, so a session, of its own. */
  let calls = 0
  const call = (ip: string): Socket => {
    const socket = connect({
      host: callerIp,
      port: ip === rawIp ? 24_301 : 24_302,
      localAddress: testAddress(100 + ++calls),
      allowHalfOpen: true,
    })
    socket.on('error', () => undefined)
    return socket
  }

  const nextPeer = (): Promise<RawPeer> => new Promise((resolve) => arrivals.push(resolve))

  before(async () => {
    const tls = createServer(serverOptions, (socket) => {
      peers.push(socket)
      arrivals.shift()?.(new RawPeer(socket))
    })
    tls.on('tlsClientError', () => undefined)
    await listen(stack, tls, { host: '127.0.0.1', port: 0 })
    const { port } = tls.address() as AddressInfo
    // In front of it, so that the ClientHello is seen as it was sent.
    const front = createTcpServer((socket) => {
      const inner = connect({ host: '127.0.0.1', port })
      socket.once('data', (bytes: Buffer) => hellos.push(bytes))
      socket.pipe(inner).pipe(socket)
      socket.on('error', () => inner.destroy())
      inner.on('error', () => socket.destroy())
    })
    await listen(stack, front, { host: rawIp, port: 15_008 })
    const fixed = (ip: string, port: number) => ({
      listen: { ip: callerIp, port },
      destination: { ip, port: 9 },
    })
    plane = await planeOf('shopper', { fixedOutbound: [fixed(rawIp, 24_301), fixed(nodeIp, 24_302)] }, 9)
    await plane.apply(
      addressUpdate([
        testWorkload('raw', rawIp, { serviceAccount: 'books' }),
        testWorkload('node', nodeIp, { serviceAccount: 'books' }),
      ]),
    )
  })
  after(async () => {
    await plane[Symbol.asyncDispose]()
    for (const peer of peers) peer.destroy()
    await stack.disposeAsync()
  })

  test('its ClientHello: no server name, ALPN h2, TLS 1.3 alone, hybrid group first, nothing to resume', async () => {
    for (let round = 0; round < 2; round++) {
      const arriving = nextPeer()
      const socket = call(rawIp)
      const peer = await arriving
      // A ticket to resume with, should the client keep such a thing.
      peer.send('000000040000000000')
      await peer.take(24)
      const extensions = extensionsOf(hellos[round] ?? Buffer.alloc(0))
      assert.equal(extensions.has(0), false, 'server_name')
      assert.equal(extensions.get(16), '0003026832', 'application_layer_protocol_negotiation')
      assert.equal(extensions.get(43), '020304', 'supported_versions')
      assert.equal(extensions.get(10), '000611ec001d0017', 'supported_groups')
      assert.equal(extensions.has(41), false, 'pre_shared_key')
      assert.equal(extensions.has(42), false, 'early_data')
      const over = new Promise((resolve) => socket.once('close', resolve))
      peer.socket.destroy()
      await over
    }
  })

  test('its first bytes, the request, early payload, and END_STREAM for the end', async () => {
    const arriving = nextPeer()
    const socket = call(rawIp)
    socket.end('early')
    const peer = await arriving
    assert.equal(peer.socket.getPeerCertificate().subjectaltname, `URI:${identityOfAccount('shopper')}`)
    assert.equal(await peer.take(24), clientHello.split(' ')[0])
    // As the server's, but for MAX_HEADER_LIST_SIZE 16 KiB and ENABLE_PUSH 0 in place of the stream limit.
    const settings = '000100001000 000400040000 000500100000 000600004000 000200000000'
    assert.equal(await peer.frame(), `04 00 00000000 ${settings.replaceAll(' ', '')}`)
    assert.equal(await peer.frame(), '08 00 00000000 000f0001')
    const [type, flags, stream, block = ''] = (await peer.frame()).split(' ')
    assert.deepEqual([type, flags, stream], ['01', '04', '00000001'])
    assert.ok(block.includes(Buffer.from('CONNECT').toString('hex')))
    assert.equal(await peer.frameOf(1), `00 00 00000001 ${Buffer.from('early').toString('hex')}`)
    // Only the first payload goes ahead of the answer, and the application hears nothing before it.
    let got = ''
    socket.on('data', (bytes: Buffer) => (got += bytes.toString()))
    const ended = once(socket, 'end')
    peer.send('000000040000000000', '000001 01 04 00000001 88', frame(0, 1, 1, Buffer.from('late')))
    assert.equal(await peer.frameOf(1), '00 01 00000001 ')
    await ended
    assert.equal(got, 'late')
  })

  const answers: Readonly<Record<string, string>> = {
    'a refusal': '000005 01 05 00000001 4803343031',
    'a refusal with a body': `000005 01 04 00000001 4803353033 ${frame(0, 1, 1, Buffer.from('no'))}`,
    'a reset': '000004 03 00 00000001 00000008',
    'an answer without a status': '000000 01 05 00000001',
    'payload before the answer': frame(0, 0, 1, Buffer.from('x')),
    'the end of the session': '000008 07 00 00000000 00000000 00000000',
  }

  for (const [what, answer] of Object.entries(answers)) {
    test(`${what} closes the application's connection, and nothing of it gets there`, async () => {
      const arriving = nextPeer()
      const socket = call(rawIp)
      let got = 0
      socket.on('data', (bytes: Buffer) => (got += bytes.length))
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.on('end', () => socket.destroy())
      const peer = await arriving
      await peer.take(24)
      assert.notEqual(await peer.frameOf(1), '')
      peer.send('000000040000000000', answer)
      // Where it is asked again, it is gone.
      void nextPeer().then((again) => again.socket.destroy())
      if (what.startsWith('the end')) peer.socket.end()
      await closed
      assert.equal(got, 0)
      peer.socket.destroy()
      arrivals.length = 0
    })
  }

  test('its request as node:http2 reads it: a plain CONNECT with the fields of ztunnel, in order', async () => {
    const requests: (readonly string[])[] = []
    const server = createHttp2Server(serverOptions)
    server.on('stream', (stream: ServerHttp2Stream, _headers: unknown, _flags: number, fields: string[]) => {
      requests.push(fields)
      stream.respond({ ':status': 200 })
      stream.end('hello')
    })
    await listen(stack, server, { host: nodeIp, port: 15_008 })
    const socket = call(nodeIp)
    socket.end()
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    assert.equal(bytes.toString(), 'hello')
    const fields = requests[0] ?? []
    assert.deepEqual(fields.slice(0, 4), [':method', 'CONNECT', ':authority', `${nodeIp}:9`])
    assert.deepEqual(
      fields.slice(4).filter((_, i) => i % 2 === 0),
      ['baggage', 'forwarded', 'traceparent'],
    )
    assert.equal(
      fields[5],
      'k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.pod.name=shopper,service.name=shopper,service.version=v1',
    )
    assert.match(fields[7] ?? '', /^for="127\.\d+\.\d+\.\d+:\d+"$/u)
    assert.match(fields[9] ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/u)
  })
})

async function listen(
  stack: AsyncDisposableStack,
  server: Server,
  at: { readonly host: string; readonly port: number },
): Promise<void> {
  await new Promise<void>((resolve) => server.listen(at.port, at.host, resolve))
  stack.defer(() => void server.close())
}

/** Extensions of a ClientHello by number, in hex. @see RFC 8446 §4.1.2 */
function extensionsOf(record: Buffer): ReadonlyMap<number, string> {
  assert.equal(record.toString('hex', 0, 3), '160301')
  let at = 5 + 4 + 2 + 32
  at += 1 + record.readUInt8(at)
  at += 2 + record.readUInt16BE(at)
  at += 1 + record.readUInt8(at)
  const end = at + 2 + record.readUInt16BE(at)
  const found = new Map<number, string>()
  for (at += 2; at < end;) {
    const length = record.readUInt16BE(at + 2)
    found.set(record.readUInt16BE(at), record.toString('hex', at + 4, at + 4 + length))
    at += 4 + length
  }
  return found
}
