import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flushAfter, flushNow, flushThisTurn } from './flush-turn.ts'
import type { Flushable } from './flush-turn.ts'

class Output implements Flushable {
  flushes: number = 0

  flushTurn(): void {
    this.flushes++
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('what waits for the end of the turn leaves there, once', async () => {
  const output = new Output()
  flushThisTurn(output)
  assert.equal(output.flushes, 0)
  await nextTurn()
  await nextTurn()
  assert.equal(output.flushes, 1)
})

test('what came of a turn’s input leaves behind it, and again in the next turn', async () => {
  const output = new Output()
  flushAfter(() => flushThisTurn(output))
  assert.equal(output.flushes, 1)
  flushThisTurn(output)
  await nextTurn()
  assert.equal(output.flushes, 2)
})

test('input that can’t be handled keeps nobody’s output back, neither then nor later', async () => {
  const output = new Output()
  assert.throws(
    () =>
      flushAfter(() => {
        flushThisTurn(output)
        throw new Error('bad input')
      }),
    /bad input/u,
  )
  assert.equal(output.flushes, 1)
  flushThisTurn(output)
  await nextTurn()
  assert.equal(output.flushes, 2)
})

test('what waited before a turn’s input leaves with what came of it', () => {
  const [before, after] = [new Output(), new Output()]
  flushThisTurn(before)
  flushAfter(() => flushThisTurn(after))
  assert.deepEqual([before.flushes, after.flushes], [1, 1])
  flushNow()
  assert.deepEqual([before.flushes, after.flushes], [1, 1])
})
