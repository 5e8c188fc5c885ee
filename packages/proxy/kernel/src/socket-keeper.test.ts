import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { TestClock } from '@tulle/core'
import { closeFd } from './netns.ts'
import { connectPackets, listenPackets } from './packet-socket.ts'
import { KeeperClient } from './socket-keeper-client.ts'
import { decodeKeeperReply, keeperFormat, keeperMessageBytes } from './socket-keeper-messages.ts'
import type { KeeperReply } from './socket-keeper-messages.ts'
import { socketKeeper } from './socket-keeper.ts'
import type { SocketKeeper, SocketKeeperOptions } from './socket-keeper.ts'
import { listenTcp, localAddress } from './sockets.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tulle-keeper-'))
  path = join(folder, 'keeper.sock')
})
afterEach(() => rmSync(folder, { recursive: true }))

const awayMs = 1000

function keeperFor(clock: TestClock, more: Partial<SocketKeeperOptions> = {}): SocketKeeper {
  return socketKeeper({ path, node: 'node-1', clock, awayMs, ...more })
}

async function proxy(clock: TestClock, node: string = 'node-1'): Promise<KeeperClient> {
  const client = await KeeperClient.connect({ path, node, clock })
  assert.ok(client)
  return client
}

/** Brings one listening socket, which only the keeper has afterwards; returns its port. */
async function bring(client: KeeperClient, owner: string): Promise<number> {
  const fd = listenTcp({ address: '127.0.0.1', port: 0, reusePort: true })
  const port = localAddress(fd)?.port ?? 0
  await client.keep(owner, [{ label: 'hbone', fd }])
  closeFd(fd)
  return port
}

/** Whether somebody holds a socket that listens there. */
async function listens(port: number): Promise<boolean> {
  const client = connect(port, '127.0.0.1')
  const open = await Promise.race([
    once(client, 'connect').then(() => true),
    once(client, 'error').then(() => false),
  ]).catch(() => false)
  client.destroy()
  return open
}

async function gone(client: KeeperClient): Promise<void> {
  client[Symbol.dispose]()
  await client.ended
}

test('case 39: what comes while the proxy is away waits, and the next one accepts it', async () => {
  const clock = new TestClock()
  using _keeper = keeperFor(clock)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const before = await proxy(clock)
  const port = await bring(before, 'books')
  await gone(before)

  const caller = connect(port, '127.0.0.1')
  await once(caller, 'connect')
  using after = await proxy(clock)
  assert.deepEqual(await after.take('pens'), [])
  const [kept, ...more] = await after.take('books')
  assert.deepEqual([kept?.label, more], ['hbone', []])
  const server = createServer()
  server.listen({ fd: kept?.fd })
  const [accepted] = (await once(server, 'connection')) as [Socket]
  accepted.end('from the next one')
  const [bytes] = (await once(caller, 'data')) as [Buffer]
  assert.equal(bytes.toString(), 'from the next one')
  caller.destroy()
  server.close()
})

test('case 39: nothing is kept for an owner that is gone: who waits there is refused', async (t) => {
  const clock = new TestClock()
  using keeper = keeperFor(clock)
  using client = await proxy(clock)
  const [books, pens, inks] = [
    await bring(client, 'books'),
    await bring(client, 'pens'),
    await bring(client, 'inks'),
  ]
  const waiting = connect(books, '127.0.0.1')
  t.after(() => waiting.destroy())
  await once(waiting, 'connect')
  const refused = once(waiting, 'error')
  keeper.drop('books')
  assert.equal(await listens(books), false)
  await refused
  await client.drop('pens')
  await client.keep('inks', [])
  for (const port of [pens, inks]) assert.equal(await listens(port), false)
  assert.equal(keeper.sockets, 0)
})

test('what is brought takes the place of what was kept, so that none is left that nobody accepts from', async () => {
  const clock = new TestClock()
  using keeper = keeperFor(clock)
  using client = await proxy(clock)
  const first = await bring(client, 'books')
  const second = await bring(client, 'books')
  assert.deepEqual([await listens(first), await listens(second), keeper.sockets], [false, true, 1])
})

test('what a proxy leaves behind is let go of after a while, unless the next one took it on', async () => {
  const clock = new TestClock()
  using keeper = keeperFor(clock)
  const before = await proxy(clock)
  const taken = await bring(before, 'books')
  const left = await bring(before, 'pens')
  await gone(before)
  using after = await proxy(clock)
  const sockets = await after.take('books')
  await after.keep('books', sockets)
  for (const { fd } of sockets) closeFd(fd)
  await clock.advance(awayMs - 1)
  assert.equal(keeper.sockets, 2)
  await clock.advance(1)
  assert.deepEqual([await listens(taken), await listens(left), keeper.sockets], [true, false, 1])
})

test('more sockets than may be kept are refused, and what was there stays', async () => {
  const clock = new TestClock()
  using keeper = keeperFor(clock, { maxSockets: 1 })
  using client = await proxy(clock)
  const port = await bring(client, 'books')
  await assert.rejects(bring(client, 'pens'), /the keeper refused: 1 sockets are kept already/u)
  assert.deepEqual([await listens(port), keeper.sockets], [true, 1])
})

test('a proxy of another node, of another format or with anything malformed gets nothing', async () => {
  const clock = new TestClock()
  const refusals: string[] = []
  using keeper = keeperFor(clock, { onRefused: (reason) => refusals.push(reason) })
  await assert.rejects(proxy(clock, 'node-2'), /expected a proxy of node node-1, found one of node-2/u)
  const hello = { kind: 'hello', format: keeperFormat, node: 'node-1' }
  for (const message of [
    { kind: 'take', owner: 'books' },
    { ...hello, format: keeperFormat + 1 },
    { ...hello, node: 1 },
    { ...hello, kind: 'toString' },
    'null',
    '{',
  ])
    assert.equal((await answerTo(message))?.kind, 'refused', JSON.stringify(message))
  assert.equal((await answerTo({ ...hello, more: 1 }))?.kind, 'done')
  using client = await proxy(clock)
  await assert.rejects(
    client.keep('books', [{ label: 'a', fd: -1 }]),
    /sendmsg/u,
    'a descriptor that is none is the sender’s own fault',
  )
  assert.deepEqual([keeper.sockets, refusals.length], [0, 7])
})

test('a keeper that does not answer is given up', async () => {
  const clock = new TestClock()
  using _silent = listenPackets(path, () => undefined)
  const hello = assert.rejects(proxy(clock), /the keeper of the listening sockets is gone/u)
  await clock.advance(2000)
  await hello
})

test('no keeper is said to be none, and one that ends is noticed', async () => {
  const clock = new TestClock()
  assert.equal(await KeeperClient.connect({ path, node: 'node-1', clock }), undefined)
  const keeper = keeperFor(clock)
  const client = await proxy(clock)
  keeper[Symbol.dispose]()
  await client.ended
  await assert.rejects(client.take('books'))
  assert.equal(await KeeperClient.connect({ path, node: 'node-1', clock }), undefined)
})

/** What the keeper answers to a first message. */
async function answerTo(message: object | string): Promise<KeeperReply | undefined> {
  using socket = connectPackets(path)
  socket.send(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)))
  const found = await socket.receive(keeperMessageBytes)
  const reply = found === undefined ? undefined : decodeKeeperReply(found.bytes)
  return reply?.ok === true ? reply.value : undefined
}
