import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { HandshakeGate } from './handshake-gate.ts'
import { LastServed, ServedWorkload } from './last-served.ts'
import type { HandshakeGateOptions } from './handshake-gate.ts'
import type { HandshakeQueue } from './handshake-queue.ts'

/** A gate whose turns the test takes, and what was begun. */
function gateInTurns(maxPerTurn: number, options: Pick<HandshakeGateOptions, 'clock' | 'rests'> = {}) {
  const begun: string[] = []
  let next: (() => void)[] = []
  const gate = new HandshakeGate({ maxPerTurn, nextTurn: (run) => next.push(run), ...options })
  return {
    begun,
    queue: (maxWaiting: number, served: ServedWorkload = besideOthers()) => gate.queue(maxWaiting, served),
    push: (queue: HandshakeQueue, name: string, source = '') =>
      queue.push({ source, begin: () => void begun.push(name) }),
    /** False when nothing is left to do. */
    turn(): boolean {
      const due = next
      next = []
      for (const run of due) run()
      return due.length > 0
    },
  }
}

/** A workload beside another that is always served too. */
function besideOthers(): ServedWorkload {
  return new (class extends ServedWorkload {
    override othersServed(): boolean {
      return true
    }
  })(new LastServed())
}

test('HandshakeGate begins a lone handshake at once', () => {
  const { begun, queue, push } = gateInTurns(1)
  assert.equal(push(queue(4), 'a'), true)
  assert.deepEqual(begun, ['a'])
})

for (const maxPerTurn of [1, 3]) {
  test(`HandshakeGate begins ${maxPerTurn} a turn and not more, whoever they are for`, () => {
    const { begun, queue, push, turn } = gateInTurns(maxPerTurn)
    const queues = [queue(10), queue(10), queue(10)]
    for (const [index, one] of queues.entries()) {
      for (let count = 0; count < 4; count++) push(one, `${index}`)
    }
    let expected = maxPerTurn
    assert.equal(begun.length, expected)
    while (turn()) {
      expected = Math.min(12, expected + maxPerTurn)
      assert.equal(begun.length, expected)
    }
    assert.equal(begun.length, 12)
  })
}

test("case 26: with a thousand handshakes of one workload waiting, another's single one is begun in the next turn", () => {
  const { begun, queue, push, turn } = gateInTurns(1)
  const noisy = queue(1000)
  const quiet = queue(1000)
  for (let count = 0; count < 1000; count++) push(noisy, 'noisy')
  for (let turns = 0; turns < 100; turns++) turn()
  begun.length = 0
  push(quiet, 'quiet')
  turn()
  turn()
  assert.ok(begun.includes('quiet'), `begun in two turns: ${begun.join(' ')}`)
})

test('HandshakeGate gives each of many workloads the same number', () => {
  const { begun, queue, push, turn } = gateInTurns(1)
  const names = ['a', 'b', 'c']
  for (const name of names) {
    const own = queue(100)
    for (let count = 0; count < 100; count++) push(own, name)
  }
  for (let turns = 0; turns < 30; turns++) turn()
  for (const name of names) {
    const count = begun.filter((other) => other === name).length
    assert.ok(count >= 10 && count <= 11, `${name} ${count}`)
  }
})

test('HandshakeQueue.push refuses what is beyond its bound, and takes again when there is room', () => {
  const { begun, queue, push, turn } = gateInTurns(1)
  const own = queue(2)
  assert.deepEqual(
    ['begun', 'first', 'second', 'third'].map((name) => push(own, name)),
    [true, true, true, false],
  )
  turn()
  assert.equal(push(own, 'fourth'), true)
  while (turn());
  assert.deepEqual(begun, ['begun', 'first', 'second', 'fourth'])
})

test('HandshakeQueue.remove takes one out, and a queue that is empty again holds nobody up', () => {
  const { begun, queue, push, turn } = gateInTurns(1)
  const [left, other] = [queue(4), queue(4)]
  push(other, 'now')
  const handshake = { source: '', begin: () => void begun.push('left') }
  left.push(handshake)
  push(other, 'later')
  left.remove(handshake)
  turn()
  assert.deepEqual(begun, ['now', 'later'])
  while (turn());
  push(left, 'again')
  assert.deepEqual(begun, ['now', 'later', 'again'])
})

test('case 26: HandshakeQueue gives each source its turn, whoever has more waiting', () => {
  const { begun, queue, push, turn } = gateInTurns(1)
  const own = queue(100)
  for (let count = 0; count < 20; count++) push(own, 'loud', '10.0.0.1')
  push(own, 'quiet', '10.0.0.2')
  push(own, 'calm', '10.0.0.3')
  for (let turns = 0; turns < 3; turns++) turn()
  assert.deepEqual(begun, ['loud', 'loud', 'quiet', 'calm'])
  while (turn());
  assert.equal(begun.length, 22)
})

test('HandshakeQueue.remove takes out one of a source, and the source when that was its last', () => {
  const { begun, queue, push, turn } = gateInTurns(1)
  const own = queue(10)
  push(own, 'now')
  const leaving = { source: '10.0.0.1', begin: () => void begun.push('left') }
  own.push(leaving)
  push(own, 'stays', '10.0.0.2')
  own.remove(leaving)
  own.remove(leaving)
  assert.equal(own.waiting, 1)
  while (turn());
  assert.deepEqual(begun, ['now', 'stays'])
})

const rests = { burst: 4, factorInBurst: 1, factorBeyond: 3, othersMs: 100 }

/** A gate with rests, in whose turns a handshake takes a millisecond of the test's clock. */
function gateWithRests() {
  const clock = new TestClock()
  const turns = gateInTurns(1, { clock, rests })
  return {
    ...turns,
    clock,
    /** The two turns that a handshake takes, a millisecond in all. */
    async handshake() {
      await clock.advance(1)
      turns.turn()
      turns.turn()
    },
  }
}

test('case 26: after each handshake of a burst the thread rests as long as it took, beyond it three times as long', async () => {
  const { begun, clock, queue, push, handshake } = gateWithRests()
  const own = queue(100)
  for (let count = 0; count < 20; count++) push(own, 'noisy')
  for (let count = 1; count <= rests.burst; count++) {
    assert.equal(begun.length, count)
    await handshake()
    assert.equal(begun.length, count)
    await clock.advance(1)
  }
  for (let count = rests.burst + 1; count <= 12; count++) {
    assert.equal(begun.length, count)
    await handshake()
    await clock.advance(2)
    assert.equal(begun.length, count, 'within the rest')
    await clock.advance(1)
  }
})

test('case 26: a flood of one workload leaves three quarters of the time, whatever else waits for its rest', async () => {
  const { begun, clock, queue, push, handshake } = gateWithRests()
  const own = queue(10_000)
  for (let count = 0; count < 5000; count++) push(own, 'noisy')
  const fromMs = clock.monotonicMs()
  for (let count = 0; count < 200; count++) {
    await handshake()
    await clock.advance(3)
  }
  const elapsedMs = clock.monotonicMs() - fromMs
  assert.ok(begun.length <= elapsedMs / 4 + rests.burst, `${begun.length} handshakes in ${elapsedMs} ms`)
})

test('case 26: whose workload had the fewest handshakes lately goes first, before a flood that waited longer', async () => {
  const { begun, clock, queue, push, handshake } = gateWithRests()
  const [noisy, quiet] = [queue(1000), queue(1000)]
  for (let count = 0; count < 500; count++) push(noisy, 'noisy')
  for (let count = 0; count < 20; count++) {
    await handshake()
    await clock.advance(3)
  }
  begun.length = 0
  push(quiet, 'quiet')
  push(quiet, 'quiet')
  while (begun.length < 3) await handshake()
  assert.deepEqual(begun, ['quiet', 'quiet', 'noisy'])
})

test('HandshakeGate lets a workload that was first for a while not go before others for ever', async () => {
  const { begun, clock, queue, push, handshake } = gateWithRests()
  const [before, newcomer] = [queue(1000), queue(1000)]
  for (let count = 0; count < 500; count++) push(before, 'before')
  for (let count = 0; count < 50; count++) {
    await handshake()
    await clock.advance(3)
  }
  begun.length = 0
  for (let count = 0; count < 500; count++) push(newcomer, 'newcomer')
  for (let count = 0; count < 40; count++) {
    await handshake()
    await clock.advance(3)
  }
  const ahead = begun.indexOf('before')
  assert.ok(ahead >= 1 && ahead <= 2 * rests.burst, `${ahead} before the first of the other`)
  const share = begun.slice(ahead).filter((name) => name === 'before').length / (begun.length - ahead)
  assert.ok(share > 0.4 && share < 0.6, `its share was ${share}`)
})

test('a workload whose burst is long ago has another one', async () => {
  const { begun, clock, queue, push, handshake } = gateWithRests()
  const own = queue(100)
  for (let count = 0; count < 10; count++) {
    push(own, 'first')
    await handshake()
    await clock.advance(3)
  }
  await clock.advance(20_000)
  begun.length = 0
  for (let count = 0; count < 3; count++) push(own, 'second')
  for (let count = 0; count < 2; count++) {
    await handshake()
    await clock.advance(1)
  }
  assert.equal(begun.length, 3)
})

test('a handshake that the machine held up for long is not rested from for as long', async () => {
  const { begun, clock, queue, push, turn } = gateWithRests()
  const own = queue(100)
  for (let count = 0; count < 3; count++) push(own, 'a')
  await clock.advance(5000)
  turn()
  turn()
  await clock.advance(10)
  assert.equal(begun.length, 2)
})

test('HandshakeGate does not rest where no other workload was served lately', async () => {
  const { begun, queue, push, handshake } = gateWithRests()
  const thread = new LastServed()
  const own = queue(1000, thread.workload())
  thread.workload().note()
  for (let count = 0; count < 1000; count++) push(own, 'lone')
  await handshake()
  for (let count = 0; count < 200; count++) await handshake()
  const before = begun.length
  for (let count = 0; count < 20; count++) await handshake()
  assert.equal(begun.length - before, 20, 'one for each that ends')
})

test('case 26: what was read for another workload brings the rests back, until it was long ago', async () => {
  const { begun, clock, queue, push, handshake } = gateWithRests()
  const thread = new LastServed()
  const [own, neighbour] = [queue(10_000, thread.workload()), thread.workload()]
  for (let count = 0; count < 5000; count++) push(own, 'noisy')
  for (let count = 0; count < 200; count++) await handshake()
  neighbour.note()
  await handshake()
  const during = begun.length
  await clock.advance(2)
  assert.equal(begun.length, during, 'within the rest')
  const fromMs = clock.monotonicMs()
  while (clock.monotonicMs() - fromMs < rests.othersMs - 4) {
    await handshake()
    await clock.advance(3)
  }
  assert.ok(begun.length - during <= rests.othersMs / 4, `${begun.length - during} with rests`)
  const after = begun.length
  for (let count = 0; count < 50; count++) await handshake()
  assert.ok(begun.length - after >= 45, `${begun.length - after} of 50 when it was long ago`)
})

test('case 26: two floods beside one another leave each other their rests', async () => {
  const { begun, clock, queue, push, handshake } = gateWithRests()
  const thread = new LastServed()
  for (const name of ['one', 'other']) {
    const own = queue(10_000, thread.workload())
    for (let count = 0; count < 5000; count++) push(own, name)
  }
  const fromMs = clock.monotonicMs()
  for (let count = 0; count < 200; count++) {
    await handshake()
    await clock.advance(3)
  }
  const elapsedMs = clock.monotonicMs() - fromMs
  assert.ok(begun.length <= elapsedMs / 4 + 2 * rests.burst, `${begun.length} handshakes in ${elapsedMs} ms`)
})
