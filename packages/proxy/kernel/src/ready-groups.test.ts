import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '@tulle/core'
import type { PlainSocketUser } from './plain-socket.ts'
import { ReadyGroup } from './ready-group.ts'
import { plainPair } from './testing/plain-pair.ts'
import type { PlainPair } from './testing/plain-pair.ts'

/** What several groups share. */
const eventsOfTurn = 32

/** Counts within each turn of the event loop. */
class OfTurn {
  count: number = 0
  most: number = 0

  add(): void {
    if (this.count === 0) setImmediate(() => (this.count = 0))
    this.count++
    this.most = Math.max(this.most, this.count)
  }
}

/** Calls back for each read. */
class Reader implements PlainSocketUser {
  readonly bytes: Buffer
  readonly #onRead: (text: string) => void

  constructor(onRead: (text: string) => void, room: number = 16) {
    this.bytes = Buffer.alloc(room)
    this.#onRead = onRead
  }

  onRead(length: number): void {
    this.#onRead(this.bytes.toString('latin1', 0, length))
  }

  onEnd(): void {
    // The other side stays open.
  }

  onDrain(): void {
    // Nothing waits for it.
  }

  onClose(): void {
    // At the end of a test, or by it.
  }
}

async function pairs(
  stack: DisposableStack,
  count: number,
  group: ReadyGroup,
): Promise<readonly PlainPair[]> {
  const all = await Promise.all(Array.from({ length: count }, () => plainPair(group)))
  for (const pair of all) stack.use(pair)
  return all
}

/** Each has sent a byte, and sends another one as soon as that is read. */
function flood(all: readonly PlainPair[], onRead: (index: number) => void): void {
  for (const [index, { near, far }] of all.entries()) {
    far.write('x')
    near.attach(
      new Reader(() => {
        onRead(index)
        far.write('x')
      }),
    )
  }
}

test('case 26: ready groups: the only connection of one is read in each turn, before any of the thousand of another', async () => {
  using stack = new DisposableStack()
  const busy = await pairs(stack, 1000, new ReadyGroup())
  const [quiet] = await pairs(stack, 1, new ReadyGroup())
  assert.ok(quiet !== undefined)
  const done = Promise.withResolvers<void>()
  const busyReads = new OfTurn()
  const readBefore: number[] = []
  flood(busy, () => busyReads.add())
  flood([quiet], () => {
    readBefore.push(busyReads.count)
    if (readBefore.length === 100) done.resolve()
  })
  await done.promise
  assert.deepEqual(new Set(readBefore), new Set([0]))
  assert.ok(busyReads.most <= eventsOfTurn, `${busyReads.most} of a turn`)
})

test('case 26: ready groups: within one, whoever waits longest is read first', async () => {
  using stack = new DisposableStack()
  const busy = await pairs(stack, 300, new ReadyGroup())
  await pairs(stack, 1, new ReadyGroup())
  const done = Promise.withResolvers<void>()
  const reads = busy.map(() => 0)
  let all = 0
  flood(busy, (index) => {
    reads[index] = (reads[index] ?? 0) + 1
    if (++all === 3000) done.resolve()
  })
  await done.promise
  assert.ok(Math.max(...reads) - Math.min(...reads) <= 1, reads.join(' '))
})

test('case 26: ready groups: as many share a turn as have something to do, and it is no longer for that', async () => {
  using stack = new DisposableStack()
  const counts = [0, 0, 0, 0]
  const ofTurn = new OfTurn()
  const done = Promise.withResolvers<void>()
  const groups = await Promise.all(counts.map(() => pairs(stack, 100, new ReadyGroup())))
  for (const [at, busy] of groups.entries())
    flood(busy, () => {
      ofTurn.add()
      counts[at] = (counts[at] ?? 0) + 1
      if (counts[at] === 2000) done.resolve()
    })
  await done.promise
  for (const count of counts) assert.ok(count > 2000 - eventsOfTurn, counts.join(' '))
  assert.equal(ofTurn.most, eventsOfTurn)
})

test('ready groups: nothing is lost or told to another, whatever is paused, resumed, closed and opened while it waits', async () => {
  const rng = seededRng(26)
  const chance = (): number => rng.next()
  const message = 'abcdefghijklmnopqrstuvwxyz'
  const groups = [new ReadyGroup(), new ReadyGroup(), new ReadyGroup()]
  /** What was read of a connection until it ended. */
  const converse = async (group: ReadyGroup | undefined): Promise<string> => {
    using pair = await plainPair(group)
    const { near, far } = pair
    const over = Promise.withResolvers<void>()
    let text = ''
    const onRead = (part: string): void => {
      text += part
      if (chance() < 0.3) {
        near.pauseReading()
        const resume = (): void => near.resumeReading()
        if (chance() < 0.5) setImmediate(resume)
        else process.nextTick(resume)
      }
      if (chance() < 0.1) near.write(Buffer.from('answer'))
      if (chance() < 0.01) near.destroy()
      if (near.isClosed || text.length >= message.length) over.resolve()
    }
    near.attach(new Reader(onRead, 1))
    far.write(message)
    await over.promise
    if (!near.isClosed) assert.equal(text, message)
    return text
  }
  // Each that ends makes room for another, with its number.
  const lane = async (_: unknown, index: number): Promise<readonly string[]> => {
    const texts: string[] = []
    for (let count = 0; count < 10; count++) texts.push(await converse(groups[index % 3]))
    return texts
  }
  const texts = (await Promise.all(Array.from({ length: 60 }, lane))).flat()
  assert.ok(texts.every((text) => message.startsWith(text)))
  const whole = texts.filter((text) => text === message).length
  assert.ok(whole > 300 && whole < 600, `${whole} of 600 were read to their end`)
})
