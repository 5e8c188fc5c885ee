import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlainSocketUser } from './plain-socket.ts'
import { plainPair } from './testing/plain-pair.ts'

const connections = 8
const enoughReads = 40

/** Reads of one connection whose peer has always sent again before a read returns: the most in one turn of the event loop. */
class Flooded implements PlainSocketUser {
  readonly bytes: Buffer
  readonly done: PromiseWithResolvers<number> = Promise.withResolvers()
  readonly #sendAgain: () => void
  #reads: number = 0
  #ofTurn: number = 0
  #mostOfTurn: number = 0

  constructor(room: number, sendAgain: () => void) {
    this.bytes = Buffer.alloc(room)
    this.#sendAgain = sendAgain
  }

  onRead(): void {
    if (this.#ofTurn === 0)
      setImmediate(() => {
        this.#mostOfTurn = Math.max(this.#mostOfTurn, this.#ofTurn)
        this.#ofTurn = 0
        if (this.#reads >= enoughReads) this.done.resolve(this.#mostOfTurn)
      })
    this.#ofTurn++
    this.#reads++
    this.#sendAgain()
  }

  onEnd(): void {
    this.done.reject(new Error('the peer has ended'))
  }

  onDrain(): void {
    // Nothing is written.
  }

  onClose(): void {
    // At the end of the test.
  }
}

/** Of each of some connections whose peers send one byte after the other, the most reads in one turn. */
async function mostReadsOfTurn(room: number): Promise<readonly number[]> {
  const pairs = await Promise.all(Array.from({ length: connections }, () => plainPair()))
  using all = new DisposableStack()
  const flooded = pairs.map(({ near, far }) => {
    const landing = new Flooded(room, () => far.write('x'))
    far.setNoDelay(true)
    near.attach(landing)
    return landing
  })
  for (const pair of pairs) {
    all.use(pair)
    pair.far.write('x')
  }
  return await Promise.all(flooded.map(({ done }) => done.promise))
}

test('ready descriptors: while much comes a turn looks several times, and then others have theirs', async () => {
  for (const most of await mostReadsOfTurn(1024)) assert.ok(most > 1 && most <= 4, `${most} reads`)
})

test('ready descriptors: who fills the room of a read is read once in a turn', async () => {
  assert.deepEqual(new Set(await mostReadsOfTurn(1)), new Set([1]))
})
