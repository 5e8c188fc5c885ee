import assert from 'node:assert/strict'
import { stat } from 'node:fs'
import { test } from 'node:test'
import { flushAfter, flushNow } from './flush-turn.ts'
import { requestsPerTurn, restThisTurn, spendTurn, turnOfThread } from './turn-share.ts'
import type { Resting } from './turn-share.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A connection with so many requests at once. */
class Pipeline implements Resting {
  left: number
  readonly #onBegin: (pipeline: Pipeline) => void

  constructor(requests: number, onBegin: (pipeline: Pipeline) => void) {
    this.left = requests
    this.#onBegin = onBegin
  }

  resumeTurn(requests: number): void {
    for (let i = 0; i < requests && this.left > 0; i++) {
      this.left--
      this.#onBegin(this)
      if (!spendTurn(1)) break
    }
    if (this.left > 0) restThisTurn(this)
  }
}

/** Runs `handle` as a callback of the event loop that is told of input, and what is set for the end of that very turn. */
function inPollPhase(handle: () => void): Promise<void> {
  return new Promise((resolve) => {
    stat('/', () => {
      handle()
      setImmediate(resolve)
    })
  })
}

test('who rests goes on in a later turn, not at the end of that in which it read', async () => {
  let begun = 0
  const pipeline = new Pipeline(20, () => begun++)
  await inPollPhase(() => flushAfter(() => pipeline.resumeTurn(10)))
  assert.equal(begun, 10)
  while (pipeline.left > 0) await nextTurn()
  assert.equal(begun, 20)
})

test('what leaves in the middle of a turn’s input ends no turn', () => {
  const first = turnOfThread()
  flushAfter(() => {
    spendTurn(requestsPerTurn / 2)
    flushNow()
    assert.equal(turnOfThread(), first)
    assert.ok(!spendTurn(requestsPerTurn / 2))
  })
  assert.equal(turnOfThread(), first + 1)
  assert.ok(spendTurn(requestsPerTurn / 2))
  flushNow()
})

test('a thousand pipelines share a turn, and all of them get on alike', async () => {
  const of = new Map<number, number>()
  const pipelines = Array.from(
    { length: 1000 },
    () => new Pipeline(64, () => of.set(turnOfThread(), (of.get(turnOfThread()) ?? 0) + 1)),
  )
  const first = turnOfThread()
  flushAfter(() => {
    for (const pipeline of pipelines) pipeline.resumeTurn(64)
  })
  // All that one had, and one request of each other.
  assert.equal(of.get(first), requestsPerTurn + 1000 - requestsPerTurn / 64)
  while (pipelines.some(({ left }) => left > 0)) {
    await nextTurn()
    const open = pipelines.map(({ left }) => left).filter((left) => left > 0)
    assert.ok(open.length === 0 || Math.max(...open) - Math.min(...open) <= 64)
  }
  for (const [turn, begun] of of)
    if (turn !== first) assert.ok(begun <= requestsPerTurn, `${begun} in one turn`)
})

test('what rests behind many others waits its round and no longer', async () => {
  const order: Pipeline[] = []
  const pipelines = Array.from(
    { length: 100 },
    () => new Pipeline(100, (pipeline) => void order.push(pipeline)),
  )
  const late = new Pipeline(1, (pipeline) => void order.push(pipeline))
  for (const pipeline of pipelines) restThisTurn(pipeline)
  restThisTurn(late)
  while (late.left > 0) await nextTurn()
  // Eight requests of each of those before it.
  assert.equal(order.indexOf(late), 800)
  while (pipelines.some(({ left }) => left > 0)) await nextTurn()
})
