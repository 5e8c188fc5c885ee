import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock, TestClock } from './clock.ts'

test('TestClock stands still until it is advanced', async () => {
  const clock = new TestClock(1000)
  assert.deepEqual([clock.nowMs(), clock.monotonicMs()], [1000, 0])
  await clock.advance(250)
  assert.deepEqual([clock.nowMs(), clock.monotonicMs()], [1250, 250])
})

test('TestClock.advance runs what falls due in order, each at its own time', async () => {
  const clock = new TestClock(0)
  const seen: string[] = []
  clock.after(20, () => seen.push(`b@${clock.nowMs()}`))
  clock.after(10, () => seen.push(`a@${clock.nowMs()}`))
  clock.after(20, () => seen.push(`c@${clock.nowMs()}`))
  clock.after(21, () => seen.push('late'))
  await clock.advance(20)
  assert.deepEqual(seen, ['a@10', 'b@20', 'c@20'])
  assert.equal(clock.pending, 1)
})

test('TestClock.advance lets one sleep follow another', async () => {
  const clock = new TestClock(0)
  const seen: number[] = []
  const twice = async (): Promise<void> => {
    await clock.sleep(10)
    seen.push(clock.nowMs())
    await clock.sleep(10)
    seen.push(clock.nowMs())
  }
  const done = twice()
  await clock.advance(20)
  await done
  assert.deepEqual(seen, [10, 20])
})

test('TestClock.every runs until it is disposed', async () => {
  const clock = new TestClock(0)
  let runs = 0
  const timer = clock.every(10, () => runs++)
  await clock.advance(35)
  timer[Symbol.dispose]()
  await clock.advance(100)
  assert.deepEqual([runs, clock.pending], [3, 0])
})

test('TestClock.after runs nothing once disposed', async () => {
  const clock = new TestClock()
  clock.after(10, () => assert.fail('disposed'))[Symbol.dispose]()
  assert.equal(clock.pending, 0)
  await clock.advance(20)
})

test('TestClock.sleep rejects with the reason of its signal, and leaves no timer', async () => {
  const clock = new TestClock()
  const controller = new AbortController()
  const sleep = clock.sleep(10, { signal: controller.signal })
  const reason = new Error('enough')
  controller.abort(reason)
  await assert.rejects(sleep, reason)
  assert.equal(clock.pending, 0)
  await assert.rejects(clock.sleep(10, { signal: controller.signal }), reason)
  assert.equal(clock.pending, 0)
})

test('systemClock.sleep resolves, and rejects at once for a signal that has aborted', async () => {
  await systemClock.sleep(0)
  await assert.rejects(systemClock.sleep(60_000, { signal: AbortSignal.abort(new Error('off')) }), /off/u)
})

test('systemClock.monotonicMs never goes back', () => {
  const first = systemClock.monotonicMs()
  assert.ok(systemClock.monotonicMs() >= first)
})
