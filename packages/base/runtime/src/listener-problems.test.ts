import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '@tulle/core'
import { listenerProblems } from './listener-problems.ts'
import { createLog } from './log.ts'

test('listenerProblems() says the first of many at once, and a second later how many came meanwhile', async () => {
  const lines: { msg?: string; error?: string; times?: number; workload?: string }[] = []
  const clock = new TestClock(0)
  const log = createLog({ level: 'info', clock, write: (line) => lines.push(JSON.parse(line)) })
  const problems = listenerProblems(log.child({ workload: 'books' }), clock)
  for (let count = 0; count < 1000; count++) problems.onShed()
  await clock.advance(999)
  problems.onError(new Error('broken'))
  assert.equal(lines.length, 1)
  await clock.advance(1)
  problems.onError(new Error('broken again'))
  const told = lines.map(({ msg, error, times, workload }) => [msg, error, times, workload])
  assert.deepEqual(told, [
    ['connections are closed unseen', 'the process is about to run out of descriptors', 1, 'books'],
    ['listener failed', 'broken again', 1001, 'books'],
  ])
})
