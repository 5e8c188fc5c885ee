import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { PlainSocket } from '@tulle/kernel'
import { SocketWriter } from './socket-writer.ts'
import { connectedPair, Watched } from './test-sockets.ts'
import type { Pair } from './test-sockets.ts'

/** More than both kernel buffers of a loopback connection hold. */
const chunkBytes = 8 * 1024 * 1024

test('SocketWriter.end() lets go first what waits, and reports every byte once', async () => {
  using pair = await connectedPair()
  const watched = new Watched()
  pair.near.attach(watched)
  const released: Buffer[] = []
  let left = 0
  const writer = new SocketWriter({
    socket: pair.near,
    onLeft: (bytes) => (left += bytes),
    keep: () => undefined,
    release: (backing) => released.push(backing),
  })
  const chunks = [1, 2, 3].map((fill) => Buffer.alloc(chunkBytes, fill))
  for (const chunk of chunks)
    assert.equal(writer.write(chunk, 0, chunk.length), false, 'the other side reads nothing yet')
  writer.end()
  assert.equal(await receivedUntilEnd(pair), 3 * chunkBytes)
  pair.far.end()
  assert.equal(await watched.closed.promise, undefined)
  assert.equal(left, 3 * chunkBytes)
  assert.deepEqual(released, chunks)
  assert.equal(writer.backlogBytes, 0)
})

test('SocketWriter.end() on a socket that is then destroyed releases what waited', async () => {
  using pair = await connectedPair()
  const watched = new Watched()
  pair.near.attach(watched)
  const { writer, kept, left } = recorded(pair.near)
  const chunks = [1, 2].map((fill) => Buffer.alloc(chunkBytes, fill))
  for (const chunk of chunks) writer.write(chunk, 0, chunk.length)
  writer.end()
  pair.near.destroy()
  await watched.closed.promise
  assert.deepEqual(
    chunks.map((chunk) => kept.get(chunk)),
    [0, 0],
  )
  assert.equal(left(), 2 * chunkBytes)
})

test('SocketWriter.end() closes where the peer has ended before, and nothing is lost', async () => {
  for (const [bytes, atOnce] of [
    [100_000, true],
    [chunkBytes, false],
  ] as const) {
    using pair = await connectedPair()
    const { writer } = recorded(pair.near)
    await endFarSide(pair)
    assert.equal(writer.write(Buffer.alloc(bytes, 1), 0, bytes), atOnce)
    writer.end()
    assert.equal(pair.near.isClosed, atOnce)
    assert.equal(await receivedUntilEnd(pair), bytes)
  }
})

async function receivedUntilEnd({ far }: Pair): Promise<number> {
  let received = 0
  far.on('data', (bytes: Buffer) => (received += bytes.length))
  far.resume()
  await once(far, 'end')
  return received
}

async function endFarSide({ near, far }: Pair): Promise<void> {
  const watched = new Watched()
  near.attach(watched)
  far.end()
  await watched.ended.promise
}

/** What a writer did with the buffers it was given. */
function recorded(socket: PlainSocket): {
  readonly writer: SocketWriter
  readonly kept: Map<Buffer, number>
  readonly left: () => number
} {
  const kept = new Map<Buffer, number>()
  const count = (backing: Buffer, by: number): void => void kept.set(backing, (kept.get(backing) ?? 0) + by)
  let left = 0
  const writer = new SocketWriter({
    socket,
    onLeft: (bytes) => (left += bytes),
    keep: (backing) => count(backing, 1),
    release: (backing) => count(backing, -1),
  })
  return { writer, kept, left: () => left }
}

/** The bytes of each write that the kernel is asked to take. */
function writesOf(context: TestContext): () => readonly number[] {
  const { mock } = context.mock.method(PlainSocket.prototype, 'writeNow')
  return () => mock.calls.map(({ arguments: [, start, end] }) => end - start)
}

test('SocketWriter.gather joins pieces that lie side by side into one write at the end of the turn', async (context) => {
  using pair = await connectedPair()
  const { writer, kept, left } = recorded(pair.near)
  const writes = writesOf(context)
  const [one, two] = [Buffer.alloc(65_536, 1), Buffer.alloc(65_536, 2)]
  for (const start of [0, 16_384, 32_768]) assert.equal(writer.gather(one, start, start + 16_384), false)
  assert.deepEqual(writes(), [])
  assert.equal(kept.get(one), 1, 'one reference for all of them')
  assert.equal(writer.gather(two, 9, 16_384), false, 'another buffer: what was gathered leaves')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(writes(), [49_152, 16_375])
  assert.equal(left(), 49_152 + 16_375)
  assert.deepEqual([kept.get(one), kept.get(two)], [0, 0])
})

test('SocketWriter.gather lets a small piece leave at once, with what was gathered before it', async (context) => {
  using pair = await connectedPair()
  const { writer } = recorded(pair.near)
  const writes = writesOf(context)
  const bytes = Buffer.alloc(65_536, 1)
  assert.equal(writer.gather(bytes, 0, 100), true)
  writer.gather(bytes, 1000, 17_384)
  writer.gather(bytes, 17_384, 17_400)
  writer.gather(bytes, 20_000, 40_000)
  writer.gather(bytes, 50_000, 50_001)
  assert.deepEqual(writes(), [100, 16_400, 20_000, 1])
})

test('small pieces behind a full socket hold no buffer but a few of their own', async (context) => {
  using pair = await connectedPair()
  const { writer, kept, left } = recorded(pair.near)
  const writes = writesOf(context)
  const large = Buffer.alloc(chunkBytes, 1)
  writer.gather(large, 0, chunkBytes)
  await new Promise((resolve) => setImmediate(resolve))
  const backings = Array.from({ length: 10_000 }, (_, index) => Buffer.alloc(1, index))
  for (const backing of backings) assert.equal(writer.gather(backing, 0, 1), false)
  assert.ok(backings.every((backing) => kept.get(backing) === undefined))
  assert.ok(writes().length < 10, `${writes().length} writes wait`)
  const watched = new Watched()
  pair.near.attach(watched)
  writer.end()
  const got: Buffer[] = []
  pair.far.on('data', (bytes: Buffer) => got.push(bytes))
  pair.far.resume()
  await once(pair.far, 'end')
  pair.far.end()
  await watched.closed.promise
  const received = Buffer.concat(got)
  assert.equal(received.length, chunkBytes + 10_000)
  assert.ok(received.subarray(chunkBytes).equals(Buffer.concat(backings)))
  assert.equal(left(), received.length)
  assert.equal(writer.bytes, received.length)
})

test('SocketWriter.close reports what it never wrote, and releases it', async () => {
  using pair = await connectedPair()
  const { writer, kept, left } = recorded(pair.near)
  const bytes = Buffer.alloc(65_536, 1)
  writer.gather(bytes, 0, 20_000)
  pair.near.destroy()
  writer.close()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(kept.get(bytes), 0)
  assert.equal(left(), 20_000)
})
