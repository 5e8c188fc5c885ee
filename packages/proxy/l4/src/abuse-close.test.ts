/** Case 35: every order in which two sides can end, over a tunnel and in plain text: seen as made, counted, and nothing left. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import type { DataPlane } from './data-plane.ts'
import { addressUpdate, startApp, testAddress, testWorkload } from './test-mesh.ts'
import { clientHello, frame, RawPeer, request, tlsOptions } from './test-raw-hbone.ts'
import { certificateOf, planeOf } from './test-wire-plane.ts'

const shopperIp = testAddress(1)
const booksIp = testAddress(2)

/** One end of a connection: what came, how it ended, and what to wait for. */
class End {
  readonly socket: Socket
  /** `end`, `error CODE`, `close`, in their order. */
  readonly events: string[] = []
  bytes: number = 0
  #wake: () => void = () => undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (piece: Buffer) => this.#note(undefined, piece.length))
    socket.on('end', () => this.#note('end'))
    socket.on('error', (error: NodeJS.ErrnoException) => this.#note(`error ${error.code ?? ''}`))
    socket.on('close', () => this.#note('close'))
  }

  async until(reached: () => boolean): Promise<void> {
    while (!reached()) await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  got(bytes: number): Promise<void> {
    return this.until(() => this.bytes >= bytes)
  }

  saw(event: string): Promise<void> {
    return this.until(() => this.events.includes(event))
  }

  /** Node does not look at a socket that has ended: whether it was reset shows when something is written. */
  async learnsOfReset(): Promise<void> {
    assert.deepEqual(this.events, ['end'])
    this.socket.write('x')
    await this.saw('close')
    assert.match(this.events.join(), /^end,error (ECONNRESET|EPIPE),close$/u)
  }

  #note(event: string | undefined, bytes: number = 0): void {
    this.bytes += bytes
    if (event !== undefined) this.events.push(event)
    this.#wake()
  }
}

interface Path extends AsyncDisposable {
  readonly planes: readonly DataPlane[]
  readonly clock: TestClock
  /** A connection that has carried a byte each way. */
  call(): Promise<{ readonly caller: End; readonly app: End }>
}

async function startPath(tunnel: 'hbone' | 'none', listenPort: number): Promise<Path> {
  await using stack = new AsyncDisposableStack()
  const clock = new TestClock(systemClock.nowMs())
  let accepted = Promise.withResolvers<Socket>()
  const app = stack.use(await startApp(booksIp, (socket) => accepted.resolve(socket)))
  const listen = { ip: shopperIp, port: listenPort }
  const fixedOutbound = [{ listen, destination: { ip: booksIp, port: app.port } }]
  const client = stack.use(await planeOf('shopper', { fixedOutbound }, 9, { clock }))
  const server = stack.use(await planeOf('books', { hbone: { ip: booksIp, port: 15_008 } }, 9, { clock }))
  for (const plane of [client, server]) {
    await plane.apply(addressUpdate([testWorkload('books', booksIp, { policies: ['shop/books'], tunnel })]))
  }
  const owned = stack.move()
  return {
    planes: tunnel === 'hbone' ? [client, server] : [client],
    clock,
    async call() {
      accepted = Promise.withResolvers()
      const caller = new End(
        connect({ host: shopperIp, port: listenPort, localAddress: shopperIp, allowHalfOpen: true }),
      )
      caller.socket.write('x')
      const other = new End(await accepted.promise)
      await other.got(1)
      other.socket.write('y')
      await caller.got(1)
      return { caller, app: other }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function sum(plane: DataPlane, name: string): Promise<number> {
  const { families } = await plane.metrics()
  const series = families.find((family) => family.name === name)?.series ?? []
  return series.reduce((total, one) => total + (one.values[0] ?? 0), 0)
}

const many = 300_000

interface Scenario {
  readonly name: string
  /** Payload each way, without the byte that opened it; undefined where a reset may cut it off anywhere. */
  readonly bytes: readonly [request: number, response: number] | undefined
  run(
    ends: { readonly caller: End; readonly app: End },
    /** Lets time pass until no plane has the connection any more. */
    letGo: () => Promise<void>,
  ): Promise<void>
}

const scenarios: readonly Scenario[] = [
  {
    name: 'the caller ends first and hears the answer out',
    bytes: [many, many],
    async run({ caller, app }) {
      caller.socket.end(Buffer.alloc(many))
      await app.saw('end')
      assert.equal(app.bytes, 1 + many)
      assert.deepEqual(caller.events, [])
      app.socket.end(Buffer.alloc(many))
      await caller.saw('close')
      assert.equal(caller.bytes, 1 + many)
      assert.deepEqual(caller.events, ['end', 'close'])
    },
  },
  {
    name: 'the destination ends first and hears the caller out',
    bytes: [many, 5],
    async run({ caller, app }) {
      app.socket.end('bytes')
      await caller.saw('end')
      assert.deepEqual(app.events, [])
      caller.socket.end(Buffer.alloc(many))
      await app.saw('close')
      assert.deepEqual([app.bytes, caller.bytes], [1 + many, 6])
      assert.deepEqual(app.events, ['end', 'close'])
    },
  },
  {
    name: 'both end at once',
    bytes: [3, 3],
    async run({ caller, app }) {
      caller.socket.end('abc')
      app.socket.end('abc')
      await Promise.all([caller.saw('close'), app.saw('close')])
      assert.deepEqual(
        [caller.events, app.events],
        [
          ['end', 'close'],
          ['end', 'close'],
        ],
      )
    },
  },
  {
    name: 'the caller resets instead of ending',
    bytes: [0, 0],
    async run({ caller, app }) {
      caller.socket.resetAndDestroy()
      await app.saw('close')
      assert.deepEqual(app.events, ['error ECONNRESET', 'close'])
    },
  },
  {
    name: 'the destination resets instead of ending',
    bytes: [0, 0],
    async run({ caller, app }) {
      app.socket.resetAndDestroy()
      await caller.saw('close')
      assert.deepEqual(caller.events, ['error ECONNRESET', 'close'])
    },
  },
  {
    name: 'the caller ends, then resets',
    bytes: [0, 0],
    async run({ caller, app }, letGo) {
      caller.socket.end()
      await app.saw('end')
      caller.socket.resetAndDestroy()
      await letGo()
      await app.learnsOfReset()
    },
  },
  {
    name: 'the destination ends, then resets',
    bytes: [0, 0],
    async run({ caller, app }, letGo) {
      app.socket.end()
      await caller.saw('end')
      app.socket.resetAndDestroy()
      await letGo()
      await caller.learnsOfReset()
    },
  },
  {
    name: 'the destination resets while it is sent to',
    bytes: undefined,
    async run({ caller, app }) {
      caller.socket.write(Buffer.alloc(8 * many))
      await app.got(2)
      app.socket.resetAndDestroy()
      await caller.saw('close')
      assert.deepEqual(caller.events, ['error ECONNRESET', 'close'])
    },
  },
  {
    name: 'nothing is written, many times',
    bytes: [1, 1],
    async run({ caller, app }) {
      for (let round = 0; round < 100; round++) {
        caller.socket.write('')
        app.socket.write(Buffer.alloc(0))
      }
      caller.socket.write('z')
      await app.got(2)
      app.socket.write('z')
      await caller.got(2)
      assert.deepEqual([caller.bytes, app.bytes, caller.events, app.events], [2, 2, [], []])
      caller.socket.end()
      app.socket.end()
      await Promise.all([caller.saw('close'), app.saw('close')])
    },
  },
]

for (const [index, tunnel] of (['hbone', 'none'] as const).entries()) {
  for (const [at, { name, bytes, run }] of scenarios.entries()) {
    test(`case 35: ${name}, ${tunnel === 'hbone' ? 'over a tunnel' : 'in plain text'}`, async () => {
      await using path = await startPath(tunnel, 24_820 + index * 20 + at)
      await run(await path.call(), async () => {
        const open = async (): Promise<number> =>
          (await Promise.all(path.planes.map((plane) => plane.connections()))).flat().length
        for (let second = 0; second < 100 && (await open()) > 0; second++) await path.clock.advance(1000)
        assert.equal(await open(), 0)
      })
      for (const plane of path.planes) {
        while ((await plane.connections()).length > 0) await new Promise((resolve) => setImmediate(resolve))
        assert.equal(await sum(plane, 'istio_tcp_connections_opened'), 1)
        assert.equal(await sum(plane, 'istio_tcp_connections_closed'), 1)
        assert.equal(await sum(plane, 'istio_tcp_sockets_open'), 0)
        assert.equal(await sum(plane, 'tulle_copy_buffers_held'), 0)
        if (bytes === undefined) continue
        const counted = [
          await sum(plane, 'istio_tcp_received_bytes'),
          await sum(plane, 'istio_tcp_sent_bytes'),
        ]
        assert.deepEqual(counted, [1 + bytes[0], 1 + bytes[1]])
      }
      for (const plane of path.planes) await plane.drain(1000)
      await path.clock.advance(2000)
      for (const plane of path.planes) assert.equal(await sum(plane, 'tulle_window_bytes_promised'), 0)
    })
  }
}

test('case 35: on the wire, empty and padded DATA is no byte and no end, and DATA behind the end is an error of its stream', async () => {
  const accepted = Promise.withResolvers<Socket>()
  await using app = await startApp(booksIp, (socket) => accepted.resolve(socket))
  await using plane = await planeOf('books', { hbone: { ip: booksIp, port: 15_008 } }, app.port)
  const peer = await RawPeer.dial({ ...tlsOptions(certificateOf('shopper')), host: booksIp, port: 15_008 })
  peer.send(clientHello, request(1, ':method: CONNECT', `:authority: ${booksIp}:${app.port}`))
  assert.equal(await peer.frameOf(1), '01 04 00000001 88')
  const end = new End(await accepted.promise)
  const nothing = [frame(0, 0, 1, Buffer.alloc(0)), frame(0, 8, 1, Buffer.from('0400000000', 'hex'))]
  peer.send(...nothing, ...nothing, frame(0, 8, 1, Buffer.from('02616263ffff', 'hex')), ...nothing)
  await end.got(3)
  assert.deepEqual(end.events, [])
  const [found] = await plane.connections()
  assert.deepEqual([found?.bytesSent, found?.bytesReceived], [0, 3])
  peer.send(frame(0, 1, 1, Buffer.alloc(0)))
  await end.saw('end')
  peer.send(frame(0, 0, 1, Buffer.from('too late')))
  assert.equal(await peer.frameOf(1), '03 00 00000001 00000005')
  await end.learnsOfReset()
  assert.equal(end.bytes, 3)
  assert.deepEqual(await plane.connections(), [])
  // The session is as good as before.
  peer.send(request(3, ':method: CONNECT', `:authority: ${booksIp}:${app.port}`))
  assert.equal(await peer.frameOf(3), '01 04 00000003 88')
  peer.socket.destroy()
  await once(peer.socket, 'close')
})
