import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { fairHeldBytes, HeldBytes } from './held-bytes.ts'

const mebibyte = 1_048_576

function session(bytes: number) {
  return {
    bytesUnconsumed: bytes,
    resumed: 0,
    resume() {
      this.resumed++
    },
  }
}

test('case 19: a session that holds too much of what is short is read no more; one that holds its fair part is', async () => {
  const clock = new TestClock()
  const held = new HeldBytes(clock, 4 * mebibyte)
  const [slow, other] = [session(5 * mebibyte), session(fairHeldBytes)]
  const [slowBrake, otherBrake] = [held.brake(slow), held.brake(other)]
  assert.equal(slowBrake.mayRead(), false)
  assert.equal(otherBrake.mayRead(), true)
  await clock.advance(1000)
  assert.equal(slow.resumed, 0)
  slow.bytesUnconsumed = mebibyte
  await clock.advance(20)
  assert.equal(slow.resumed, 1)
  assert.equal(held.bytes, mebibyte + fairHeldBytes)
  assert.equal(clock.pending, 0)
})

test('HeldBytes counts again what others were rid of, before it stops anybody', () => {
  const held = new HeldBytes(new TestClock(), 4 * mebibyte)
  const quick = session(3 * mebibyte)
  held.brake(quick).mayRead()
  quick.bytesUnconsumed = 0
  assert.equal(held.brake(session(2 * mebibyte)).mayRead(), true)
  assert.equal(held.bytes, 2 * mebibyte)
})

test('a session that was stopped goes on with its fair part, while another one still holds too much', async () => {
  const clock = new TestClock()
  const held = new HeldBytes(clock, 4 * mebibyte)
  const [greedy, drained] = [session(4 * mebibyte), session(mebibyte)]
  assert.equal(held.brake(greedy).mayRead(), false)
  assert.equal(held.brake(drained).mayRead(), false)
  drained.bytesUnconsumed = 1000
  await clock.advance(20)
  assert.deepEqual([greedy.resumed, drained.resumed], [0, 1])
})

test('case 26: a workload that holds all of its thread may hold stops itself, and not those with little', () => {
  const clock = new TestClock()
  const thread = new HeldBytes(clock, 8 * mebibyte)
  const [noisy, quiet] = [
    new HeldBytes(clock, 100 * mebibyte, thread),
    new HeldBytes(clock, 100 * mebibyte, thread),
  ]
  const noise = session(9 * mebibyte)
  const brake = noisy.brake(noise)
  assert.equal(brake.mayRead(), false)
  assert.equal(quiet.brake(session(mebibyte / 2)).mayRead(), true)
  assert.equal(quiet.brake(session(mebibyte)).mayRead(), false)
  brake.close()
  assert.equal(thread.bytes, 1.5 * mebibyte)
})

test('what a session held ends with it, and no timer stays', () => {
  const clock = new TestClock()
  const held = new HeldBytes(clock, mebibyte)
  const brake = held.brake(session(2 * mebibyte))
  assert.equal(brake.mayRead(), false)
  brake.close()
  assert.equal(held.bytes, 0)
  assert.equal(held.stopped, 0)
  assert.equal(clock.pending, 0)
})
