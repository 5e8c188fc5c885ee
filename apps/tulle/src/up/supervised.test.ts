import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { seededRng, TestClock } from '@tulle/core'
import { Supervised } from './supervised.ts'

const wait = 'process.on("SIGTERM", () => process.exit(0)); console.log("up"); setInterval(() => {}, 1000)'

test('Supervised starts a process again that ended on its own, and not one that was stopped', async () => {
  const clock = new TestClock()
  const scripts = ['process.exit(3)', wait]
  const ends: string[] = []
  const ended = Promise.withResolvers<void>()
  let up = Promise.withResolvers<void>()
  const process = new Supervised(
    {
      name: 'x',
      start: () => {
        const child = spawn(globalThis.process.execPath, ['-e', scripts.shift() ?? 'assert.fail()'], {
          stdio: ['ignore', 'pipe', 'ignore'],
          detached: true,
        })
        child.stdout.once('data', () => up.resolve())
        return child
      },
      onUnexpectedExit: (how) => {
        ends.push(how)
        ended.resolve()
      },
    },
    { clock, rng: seededRng(1) },
  )
  process.start()
  await ended.promise
  assert.deepEqual(ends, ['ended with exit code 3'])
  up = Promise.withResolvers()
  await clock.advance(200)
  await up.promise
  assert.equal(process.restarts, 1)
  await process.stop(5000)
  assert.equal(process.running, false)
  assert.equal(ends.length, 1)
  assert.equal(clock.pending, 0)
})

test('Supervised.stop() kills a process group that ignores SIGTERM', async () => {
  const clock = new TestClock()
  const child = spawn(
    process.execPath,
    ['-e', 'process.on("SIGTERM", () => console.log("no")); console.log("up"); setInterval(() => {}, 1000)'],
    { stdio: ['ignore', 'pipe', 'ignore'], detached: true },
  )
  const supervised = new Supervised(
    { name: 'x', start: () => child, onUnexpectedExit: () => assert.fail() },
    { clock, rng: seededRng(1) },
  )
  supervised.start()
  await once(child.stdout, 'data')
  const stopped = supervised.stop(1000)
  await once(child.stdout, 'data')
  await clock.advance(1000)
  await stopped
  assert.equal(child.signalCode, 'SIGKILL')
})

for (const { takes, restarts } of [
  { takes: true, restarts: 0 },
  { takes: false, restarts: 1 },
]) {
  const what = takes ? 'is over with it' : 'is started again when the other one fails'
  test(`case 40: a process that ends before it is known who took its place ${what}`, async () => {
    const clock = new TestClock()
    const begin = (script: string): ChildProcess =>
      spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
    const before = begin(wait)
    await once(before.stdout ?? assert.fail(), 'data')
    const starts = [before]
    const lost: string[] = []
    const supervised = new Supervised(
      { name: 'x', start: () => starts.shift() ?? begin(wait), onUnexpectedExit: (how) => lost.push(how) },
      { clock, rng: seededRng(1) },
    )
    supervised.start()
    const replaced = supervised.replace({
      first: () => begin(wait),
      again: () => assert.fail('it was never wanted again'),
      taken: async () => {
        before.kill('SIGKILL')
        await once(before, 'exit')
        assert.deepEqual(lost, [], 'whoever may take its place is there')
        if (!takes) throw new Error('it did not')
      },
    })
    await (takes ? replaced : assert.rejects(replaced, /it did not/u))
    assert.equal(supervised.restarts, restarts)
    assert.deepEqual(lost, takes ? [] : ['was killed by SIGKILL'])
    await supervised.stop(5000)
  })
}
