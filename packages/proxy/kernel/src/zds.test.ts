import { seededRng, TestClock } from '@tulle/core'
import assert from 'node:assert/strict'
import { fstatSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { packetPair } from './fd-messages.ts'
import { closeFd, currentNetns } from './netns.ts'
import { connectPackets, listenPackets, PacketSocket } from './packet-socket.ts'
import { zdsClient } from './zds-client.ts'
import type { ZdsClient, ZdsClientOptions } from './zds-client.ts'
import { decodeAck, decodeRequest, encodeAck, encodeHello, encodeRequest } from './zds-messages.ts'
import { zdsServer } from './zds-server.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tulle-zds-'))
  path = join(folder, 'zds.sock')
})
afterEach(() => rmSync(folder, { recursive: true }))

const books = {
  uid: 'tulle//Workload/bookstore/books',
  namespace: 'bookstore',
  name: 'books',
  serviceAccount: 'b',
}

interface Recorded {
  readonly client: ZdsClient
  readonly events: string[]
  readonly clock: TestClock
  /** Resolves with the next event. */
  next(): Promise<string>
}

function recordingClient(overrides: Partial<ZdsClientOptions> = {}): Recorded {
  const events: string[] = []
  const waiting: ((event: string) => void)[] = []
  const record = (event: string): void => {
    events.push(event)
    waiting.shift()?.(event)
  }
  const clock = new TestClock()
  const client = zdsClient({
    path,
    clock,
    rng: seededRng(1),
    onAdd: async ({ uid, netns }) => record(`add ${uid} ${fstatSync(netns).ino === ownInode()}`),
    onDelete: async (uid) => record(`delete ${uid}`),
    onSnapshotSent: () => record('snapshot'),
    onDisconnected: () => record('disconnected'),
    ...overrides,
  })
  return { client, events, clock, next: () => new Promise((resolve) => waiting.push(resolve)) }
}

function ownInode(): number {
  const fd = currentNetns()
  const { ino } = fstatSync(fd)
  closeFd(fd)
  return ino
}

test('zdsServer replays its workloads, and the client acknowledges what it applied', async () => {
  const netns = currentNetns()
  await using server = zdsServer({ path })
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const added = server.add({ ...books, netns })
  const { client, events } = recordingClient()
  await using _client = client
  client.start(new AbortController().signal)
  await client.ready
  await added
  assert.equal(server.connected, true)
  await server.add({ ...books, uid: 'second', netns })
  await server.remove(books.uid)
  assert.deepEqual(events, [`add ${books.uid} true`, 'snapshot', 'add second true', `delete ${books.uid}`])
  closeFd(netns)
})

test('zdsClient drops what a later snapshot does not mention, and keeps the rest without a second add', async () => {
  const netns = currentNetns()
  const { client, events, clock, next } = recordingClient()
  await using _client = client
  {
    await using server = zdsServer({ path })
    client.start(new AbortController().signal)
    await server.add({ ...books, netns })
    await server.add({ ...books, uid: 'gone', netns })
    await server.add({ ...books, uid: 'kept', netns })
  }
  await using again = zdsServer({ path })
  const disconnected = next()
  const addedAgain = [again.add({ ...books, netns }), again.add({ ...books, uid: 'kept', netns: undefined })]
  if (!events.includes('disconnected')) await disconnected
  events.length = 0
  const deleted = next()
  await clock.advance(20)
  await deleted
  await Promise.all(addedAgain)
  assert.equal(events[0], 'delete gone')
  assert.equal(events.filter((event) => event.startsWith('add')).length, 0)
  closeFd(netns)
})

test('zdsServer.add rejects with what the client could not do, and the client tries again', async () => {
  const netns = currentNetns()
  let tries = 0
  const done = Promise.withResolvers<void>()
  const { client, clock } = recordingClient({
    onAdd: async () => {
      tries++
      if (tries === 1) throw new Error('port 15001 is taken')
      done.resolve()
    },
  })
  await using _client = client
  await using server = zdsServer({ path })
  client.start(new AbortController().signal)
  await assert.rejects(server.add({ ...books, netns }), {
    code: 'KERNEL_ZDS',
    message: /port 15001 is taken/u,
  })
  await clock.advance(5000)
  await done.promise
  assert.equal(tries, 2)
  closeFd(netns)
})

test('zdsClient refuses an add with another kind of descriptor than a namespace', async () => {
  await using server = zdsServer({ path })
  await using client = recordingClient().client
  client.start(new AbortController().signal)
  await client.ready
  const [one, other] = packetPair()
  await assert.rejects(server.add({ ...books, netns: one }), /NS_GET_NSTYPE/u)
  closeFd(one)
  closeFd(other)
})

test('zdsClient answers bad requests with an error, and ends the connection at one that is too long', async () => {
  const accepted = Promise.withResolvers<PacketSocket>()
  using _listener = listenPackets(path, accepted.resolve)
  const { client, next } = recordingClient()
  await using _client = client
  client.start(new AbortController().signal)
  using server = await accepted.promise
  assert.deepEqual((await server.receive(1024))?.bytes, Buffer.from(encodeHello()))
  const answer = async (bytes: Uint8Array, fds: readonly number[] = []): Promise<string> => {
    server.send(bytes, fds)
    const ack = decodeAck((await server.receive(1024))?.bytes ?? Buffer.alloc(0))
    return ack.ok ? ack.value : 'no ack'
  }
  assert.match(await answer(encodeRequest({ kind: 'add', workload: books })), /without a descriptor/u)
  assert.match(await answer(Buffer.from('garbage')), /not a ZDS message/u)
  assert.match(
    await answer(encodeRequest({ kind: 'add', workload: { ...books, uid: '' } })),
    /expected a uid/u,
  )
  const netns = currentNetns()
  assert.equal(await answer(encodeRequest({ kind: 'delete', uid: 'unknown' }), [netns, netns]), '')
  closeFd(netns)
  const disconnected = next()
  server.send(Buffer.alloc(2000, 1))
  assert.equal(await disconnected, 'disconnected')
})

test('zdsServer sends away a peer of another version, and one that answers unasked', async () => {
  const gone = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
  let count = 0
  await using _server = zdsServer({ path, onGone: (reason) => gone[count++]?.resolve(reason) })
  using stranger = connectPackets(path)
  stranger.send(Buffer.from([8, 7]))
  assert.match((await gone[0]?.promise) ?? '', /expected ZDS version 1, found 7/u)
  assert.equal(await stranger.receive(1024), undefined)
  using eager = connectPackets(path)
  eager.send(encodeHello())
  eager.send(encodeAck(''))
  eager.send(encodeAck(''))
  assert.match((await gone[1]?.promise) ?? '', /nobody asked for/u)
})

test('zdsServer gives up an add whose signal aborts, and everything when it ends', async () => {
  const controller = new AbortController()
  const server = zdsServer({ path })
  const first = server.add({ ...books, netns: undefined }, { signal: controller.signal })
  controller.abort(new Error('stopped'))
  await assert.rejects(first, /stopped/u)
  const second = server.add({ ...books, netns: undefined })
  const ended = assert.rejects(second, { code: 'KERNEL_ZDS' })
  await server[Symbol.asyncDispose]()
  await ended
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined)
})

test('zdsServer tells only the newest proxy, and sends the older one to fetch a snapshot when that leaves', async () => {
  const netns = currentNetns()
  await using server = zdsServer({ path })
  using older = connectPackets(path)
  older.send(encodeHello())
  assert.deepEqual(await nextRequest(older), { kind: 'snapshot-sent' })
  older.send(encodeAck(''))
  const newer = connectPackets(path)
  newer.send(encodeHello())
  assert.deepEqual(await nextRequest(newer), { kind: 'snapshot-sent' })
  newer.send(encodeAck(''))
  const added = server.add({ ...books, netns })
  assert.deepEqual(await nextRequest(newer), { kind: 'add', workload: books })
  newer.send(encodeAck(''))
  await added
  newer[Symbol.dispose]()
  assert.equal(await older.receive(1024), undefined)
  closeFd(netns)
})

test('PacketSocket passes descriptors and keeps message boundaries', async () => {
  const [left, right] = packetPair()
  using sender = new PacketSocket(left)
  using receiver = new PacketSocket(right)
  const netns = currentNetns()
  sender.send(Buffer.from('one'), [netns, netns])
  sender.send(Buffer.from('two-too-long'))
  const one = await receiver.receive(8)
  assert.equal(one?.bytes.toString(), 'one')
  assert.deepEqual(
    one.fds.map((fd) => fstatSync(fd).ino),
    [ownInode(), ownInode()],
  )
  const two = await receiver.receive(8)
  assert.deepEqual([two?.bytes.toString(), two?.truncated], ['two-too-', true])
  const waiting = receiver.receive(8)
  receiver[Symbol.dispose]()
  assert.equal(await waiting, undefined)
  for (const fd of [...one.fds, netns]) closeFd(fd)
})

test('ZDS messages have the field numbers of Istio, DelWorkload.uid = 2 among them', () => {
  const bytes = (request: Parameters<typeof encodeRequest>[0]): string =>
    Buffer.from(encodeRequest(request)).toString('hex')
  assert.equal(Buffer.from(encodeHello()).toString('hex'), '0801')
  assert.equal(bytes({ kind: 'delete', uid: 'u' }), '1203120175')
  assert.equal(bytes({ kind: 'keep', uid: 'u' }), '2a030a0175')
  assert.equal(bytes({ kind: 'snapshot-sent' }), '1a00')
  const workload = { uid: 'u', name: 'n', namespace: 's', serviceAccount: 'a' }
  assert.equal(bytes({ kind: 'add', workload }), '0a0e0a017512090a016e1201731a0161')
  assert.deepEqual(decodeRequest(encodeRequest({ kind: 'add', workload })), {
    ok: true,
    value: { kind: 'add', workload },
  })
  assert.deepEqual(decodeAck(encodeAck('no')), { ok: true, value: 'no' })
  assert.equal(decodeRequest(Buffer.from([0xff])).ok, false)
  assert.equal(decodeRequest(Buffer.alloc(0)).ok, false)
  const long = decodeAck(encodeAck('x'.repeat(5000)))
  assert.equal(long.ok && long.value.length, 512)
})

async function nextRequest(socket: PacketSocket): Promise<unknown> {
  const message = await socket.receive(1024)
  assert.ok(message !== undefined)
  message.fds.forEach(closeFd)
  const request = decodeRequest(message.bytes)
  assert.ok(request.ok)
  return request.value
}
