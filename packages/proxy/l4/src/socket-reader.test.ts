import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { CopyBuffers } from './copy-buffers.ts'
import { SocketReader } from './socket-reader.ts'
import type { Sink } from './socket-reader.ts'

/** Has room for everything, and notes how bytes came. */
class Noted implements Sink {
  readonly pieces: (readonly [how: 'copied' | 'handed over', bytes: number])[] = []
  readonly ended: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #buffers: CopyBuffers
  #arrived: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(buffers: CopyBuffers) {
    this.#buffers = buffers
  }

  room(): number {
    return 1024 * 1024
  }

  takesSlabs(): boolean {
    return true
  }

  copy(_bytes: Buffer, start: number, end: number): void {
    this.#note('copied', end - start)
  }

  take(slab: Buffer, length: number): boolean {
    this.#buffers.slabs.give(slab)
    this.#note('handed over', length)
    return true
  }

  end(): void {
    this.ended.resolve()
  }

  async until(bytes: number): Promise<void> {
    while (this.pieces.reduce((sum, [, length]) => sum + length, 0) < bytes) await this.#arrived.promise
  }

  #note(how: 'copied' | 'handed over', bytes: number): void {
    this.pieces.push([how, bytes])
    this.#arrived.resolve()
    this.#arrived = Promise.withResolvers()
  }
}

async function pair(): Promise<{ readonly near: Socket; readonly far: Socket } & Disposable> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const far = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, noDelay: true })
  const [near] = (await once(server, 'connection')) as [Socket]
  server.close()
  return {
    near,
    far,
    [Symbol.dispose]: () => {
      near.destroy()
      far.destroy()
    },
  }
}

test('SocketReader copies nothing of a stream whose reads are larger than the landing buffer', async () => {
  using sockets = await pair()
  const buffers = new CopyBuffers(new TestClock(0))
  const landing = buffers.landingBody.length
  const sink = new Noted(buffers)
  new SocketReader(buffers, sink).attach(sockets.near)
  let sent = 0
  for (const bytes of [landing, 20_000, 30_000, 20_000, 100, 200]) {
    sockets.far.write(Buffer.alloc(bytes))
    sent += bytes
    await sink.until(sent)
  }
  assert.deepEqual(sink.pieces, [
    ['copied', landing],
    ['handed over', 20_000],
    ['handed over', 30_000],
    ['handed over', 20_000],
    ['copied', 100],
    ['copied', 200],
  ])
})

test('SocketReader holds no buffer of its own after a small read', async () => {
  using sockets = await pair()
  const buffers = new CopyBuffers(new TestClock(0))
  const landing = buffers.landingBody.length
  const sink = new Noted(buffers)
  new SocketReader(buffers, sink).attach(sockets.near)
  let sent = 0
  for (const bytes of [landing, 20_000, 100]) {
    sockets.far.write(Buffer.alloc(bytes))
    sent += bytes
    await sink.until(sent)
  }
  assert.equal(buffers.slabs.taken, 0)
})

test('SocketReader holds no buffer of its own once it has found the end', async () => {
  using sockets = await pair()
  const buffers = new CopyBuffers(new TestClock(0))
  const landing = buffers.landingBody.length
  const sink = new Noted(buffers)
  new SocketReader(buffers, sink).attach(sockets.near)
  sockets.far.write(Buffer.alloc(landing))
  await sink.until(landing)
  sockets.far.end(Buffer.alloc(20_000))
  await sink.ended.promise
  assert.equal(sink.pieces.at(-1)?.[0], 'handed over')
  assert.equal(buffers.slabs.taken, 0)
})
