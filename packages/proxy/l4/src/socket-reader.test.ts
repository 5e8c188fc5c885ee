import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyBuffers } from './copy-buffers.ts'
import { SocketReader } from './socket-reader.ts'
import type { Sink } from './socket-reader.ts'
import { connectedPair } from './test-sockets.ts'
import type { Pair } from './test-sockets.ts'

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

  onSocketClose(): void {
    // At the end of the test.
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

class Reading implements Disposable {
  readonly buffers: CopyBuffers = new CopyBuffers()
  readonly sink: Noted = new Noted(this.buffers)
  readonly #pair: Pair
  #sent: number = 0

  constructor(pair: Pair) {
    this.#pair = pair
    new SocketReader(this.buffers, this.sink).attach(pair.near)
  }

  /** One write after the other, each when all of those before has come. */
  async send(...writes: readonly number[]): Promise<void> {
    for (const bytes of writes) {
      this.#pair.far.write(Buffer.alloc(bytes))
      this.#sent += bytes
      await this.sink.until(this.#sent)
    }
  }

  async end(bytes: number): Promise<void> {
    this.#pair.far.end(Buffer.alloc(bytes))
    await this.sink.ended.promise
  }

  [Symbol.dispose](): void {
    this.#pair[Symbol.dispose]()
  }
}

test('SocketReader copies nothing of a stream whose reads are larger than the landing buffer', async () => {
  using reading = new Reading(await connectedPair())
  const landing = reading.buffers.landingBody.length
  await reading.send(landing, 20_000, 30_000, 20_000, 100, 200)
  assert.deepEqual(reading.sink.pieces, [
    ['copied', landing],
    ['handed over', 20_000],
    ['handed over', 30_000],
    ['handed over', 20_000],
    ['copied', 100],
    ['copied', 200],
  ])
})

test('SocketReader holds no buffer of its own after a small read', async () => {
  using reading = new Reading(await connectedPair())
  await reading.send(reading.buffers.landingBody.length, 20_000, 100)
  assert.equal(reading.buffers.slabs.taken, 0)
})

test('SocketReader holds no buffer of its own once it has found the end', async () => {
  using reading = new Reading(await connectedPair())
  await reading.send(reading.buffers.landingBody.length)
  await reading.end(20_000)
  assert.equal(reading.sink.pieces.at(-1)?.[0], 'handed over')
  assert.equal(reading.buffers.slabs.taken, 0)
})
