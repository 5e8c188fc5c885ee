import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandshakeGate } from './handshake-gate.ts'
import type { HandshakeQueue } from './handshake-gate.ts'

/** A gate whose turns the test takes, and what was begun. */
function gateInTurns(maxPerTurn: number) {
  const begun: string[] = []
  let next: (() => void)[] = []
  const gate = new HandshakeGate({ maxPerTurn, nextTurn: (run) => next.push(run) })
  return {
    begun,
    queue: (maxWaiting: number) => gate.queue(maxWaiting),
    push: (queue: HandshakeQueue, name: string) => queue.push({ begin: () => void begun.push(name) }),
    /** False when nothing is left to do. */
    turn(): boolean {
      const due = next
      next = []
      for (const run of due) run()
      return due.length > 0
    },
  }
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
  const handshake = { begin: () => void begun.push('left') }
  left.push(handshake)
  push(other, 'later')
  left.remove(handshake)
  turn()
  assert.deepEqual(begun, ['now', 'later'])
  while (turn());
  push(left, 'again')
  assert.deepEqual(begun, ['now', 'later', 'again'])
})
