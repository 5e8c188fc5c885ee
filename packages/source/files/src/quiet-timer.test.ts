import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { QuietTimer } from './quiet-timer.ts'

function create(): { readonly clock: TestClock; readonly timer: QuietTimer; readonly runs: number[] } {
  const clock = new TestClock()
  const runs: number[] = []
  const run = (): void => void runs.push(clock.monotonicMs())
  return { clock, runs, timer: new QuietTimer({ clock, quietMs: 30, maxQuietMs: 100, run }) }
}

test('QuietTimer runs once after what happened last', async () => {
  const { clock, timer, runs } = create()
  timer.poke()
  await clock.advance(20)
  timer.poke()
  await clock.advance(29)
  assert.deepEqual(runs, [])
  await clock.advance(1000)
  assert.deepEqual(runs, [50])
})

test('QuietTimer does not wait for ever for the end of what happens', async () => {
  const { clock, timer, runs } = create()
  for (let i = 0; i < 15; i++) {
    timer.poke()
    // oxlint-disable-next-line no-await-in-loop -- time passes
    await clock.advance(20)
  }
  assert.deepEqual(runs, [100, 200, 300])
})

test('QuietTimer forgets when disposed', async () => {
  const { clock, timer, runs } = create()
  timer.poke()
  timer[Symbol.dispose]()
  await clock.advance(1000)
  assert.deepEqual(runs, [])
})
