import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { closeFd, connectPackets, duplicateFd, listenTcp, localAddress } from '@tulle/kernel'
import type { ListeningSocket } from '@tulle/l4'
import { silentLog } from '@tulle/runtime'
import { Giver } from './giver.ts'
import { decodeReply, encodeHandover, handoverFormat, maxMessageBytes } from './messages.ts'
import type { HandoverReply } from './messages.ts'
import { Taker } from './taker.ts'

const folder = mkdtempSync(join(tmpdir(), 'tulle-handover-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0

/** A process that listens for the workload `books`, as far as a handover sees it. */
class OldProcess implements AsyncDisposable {
  readonly path: string = join(folder, `${count++}.sock`)
  readonly said: string[] = []
  readonly accepted: Socket[] = []
  readonly port: number
  readonly drained: PromiseWithResolvers<number> = Promise.withResolvers()
  readonly #fd: number
  readonly #server: Server
  readonly giver: Giver

  constructor(address: string) {
    this.#fd = listenTcp({ address, port: 0, reusePort: true })
    this.port = localAddress(this.#fd)?.port ?? 0
    this.#server = createServer((socket) => this.accepted.push(socket))
    this.#server.on('error', (error) => this.said.push(error.message))
    this.#server.listen({ fd: this.#fd, exclusive: true })
    const export_ = async (uid: string): Promise<readonly ListeningSocket[]> =>
      uid === 'books'
        ? [{ role: 'hbone', worker: 0, address: { ip: address, port: this.port }, fd: duplicateFd(this.#fd) }]
        : []
    this.giver = new Giver(
      { path: this.path, node: 'node-1', version: '1.0.0', drainMs: 5000 },
      {
        dataPlane: { exportListeners: export_, connections: async () => [] },
        log: silentLog,
        onHello: () => this.said.push('hello'),
        onServing: () => {
          this.said.push('serving')
          this.#server.close()
          return { released: Promise.resolve(), drained: this.drained.promise }
        },
        onEnd: () => this.said.push('end'),
      },
    )
    this.giver.open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drained.resolve(0)
    await this.giver[Symbol.asyncDispose]()
    this.#server.close()
    for (const socket of this.accepted) socket.destroy()
  }
}

function knock(old: OldProcess, node: string = 'node-1'): Promise<Taker | undefined> {
  return Taker.knock({ path: old.path, node, version: '2.0.0' })
}

/** What the old process answers to a first message. */
async function answerTo(old: OldProcess, message: object | string): Promise<HandoverReply | undefined> {
  using socket = connectPackets(old.path)
  socket.send(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)))
  const answer = await socket.receive(maxMessageBytes)
  const reply = answer === undefined ? undefined : decodeReply(answer.bytes)
  return reply?.ok === true ? reply.value : undefined
}

test('case 40: what waits in a handed socket is accepted by the new process, and nothing by the old one', async () => {
  await using old = new OldProcess('127.0.0.1')
  using taker = await knock(old)
  assert.ok(taker)
  assert.deepEqual([taker.version, taker.pid], ['1.0.0', process.pid])
  assert.deepEqual([await taker.serves('books'), await taker.serves('pens')], [true, false])
  const [socket] = await taker.take('books')
  assert.ok(socket)
  assert.deepEqual([socket.role, socket.worker, socket.address.port], ['hbone', 0, old.port])
  assert.deepEqual(await taker.serving(), { connections: 0, deadlineMs: 5000 })
  // Nobody accepts now: the connection waits in the queue of the socket, which only the new process has.
  const client = connect(old.port, '127.0.0.1')
  await once(client, 'connect')
  const server = createServer()
  server.listen({ fd: socket.fd })
  const [accepted] = (await once(server, 'connection')) as [Socket]
  accepted.end('from the new process')
  const [bytes] = (await once(client, 'data')) as [Buffer]
  assert.equal(bytes.toString(), 'from the new process')
  client.destroy()
  server.close()
  assert.equal(old.accepted.length, 0)
  old.drained.resolve(7)
  assert.equal(await taker.drained(), 7)
  assert.deepEqual(old.said, ['hello', 'serving', 'end'])
})

test('case 40: roll back: a process that took the sockets and dies leaves them to the old one', async () => {
  await using old = new OldProcess('127.0.0.1')
  const taker = await knock(old)
  const taken = (await taker?.take('books')) ?? []
  for (const { fd } of taken) closeFd(fd)
  taker?.[Symbol.dispose]()
  const client = connect(old.port, '127.0.0.1')
  await once(client, 'connect')
  client.destroy()
  // The next one may try again, and finds the same.
  using second = await knock(old)
  assert.equal(await second?.serves('books'), true)
  assert.deepEqual(old.said, ['hello', 'hello'])
})

test('case 40: another format is refused with both versions, and the old process goes on', async () => {
  await using old = new OldProcess('127.0.0.1')
  const format = handoverFormat + 1
  const answer = await answerTo(old, { kind: 'hello', format, version: '9.0.0', node: 'node-1' })
  assert.deepEqual(answer, {
    kind: 'refused',
    reason: `expected format ${handoverFormat} of the handover (tulle 1.0.0), found ${format} (tulle 9.0.0)`,
  })
  using taker = await knock(old)
  assert.equal(await taker?.serves('books'), true)
})

test('case 40: a proxy of another node is refused, and so is a second one at a time', async () => {
  await using old = new OldProcess('127.0.0.1')
  await assert.rejects(knock(old, 'node-2'), /refused: expected a proxy of node node-1, found one of node-2/u)
  using first = await knock(old)
  assert.ok(first)
  await assert.rejects(knock(old), /refused: another process is taking over already/u)
})

test('case 40: nothing but a hello opens the conversation, and nothing malformed gets anything', async () => {
  await using old = new OldProcess('127.0.0.1')
  const hello = { kind: 'hello', format: handoverFormat, version: '2.0.0', node: 'node-1' }
  for (const message of [
    { kind: 'take', uid: 'books' },
    { kind: 'serving' },
    { ...hello, format: '1' },
    { ...hello, kind: 'toString' },
    'null',
    '{',
  ]) {
    assert.equal((await answerTo(old, message))?.kind, 'refused', JSON.stringify(message))
  }
  assert.deepEqual(old.said, [])
  assert.equal((await answerTo(old, { ...hello, more: 1 }))?.kind, 'welcome')
})

test('Taker.knock() finds nobody where no process listens, and the socket is for its owner alone', async () => {
  const path = join(folder, 'nobody.sock')
  assert.equal(await Taker.knock({ path, node: 'node-1', version: '2.0.0' }), undefined)
  await using old = new OldProcess('127.0.0.1')
  assert.equal(statSync(old.path).mode & 0o777, 0o600)
  await old.giver.drain()
  assert.equal(await Taker.knock({ path: old.path, node: 'node-1', version: '2.0.0' }), undefined)
})

test('encodeHandover() and decodeReply() agree, and a listener with a strange role or port is malformed', () => {
  const listener = { role: 'hbone', worker: 1, ip: '::', port: 15_008 } as const
  const reply: HandoverReply = { kind: 'listeners', listeners: [listener] }
  assert.deepEqual(decodeReply(encodeHandover(reply)), { ok: true, value: reply })
  for (const change of [{ role: 'admin' }, { port: 65_536 }, { worker: -1 }, { ip: 7 }]) {
    const bytes = Buffer.from(JSON.stringify({ kind: 'listeners', listeners: [{ ...listener, ...change }] }))
    assert.equal(decodeReply(bytes).ok, false, JSON.stringify(change))
  }
})
