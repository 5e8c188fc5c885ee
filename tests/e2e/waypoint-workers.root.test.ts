import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { TappedRequest } from '@tulle/waypoint'
import { booksRules, WaypointLab } from '../support/waypoint-lab.ts'

/** A waypoint with two workers is one waypoint to whoever calls through it, changes it or looks at it. */

let lab: WaypointLab

before(async () => {
  lab = await WaypointLab.start({}, ['--waypoint-workers', '2'])
})
after(() => lab[Symbol.asyncDispose]())

const calls = 30
const maxCalls = 1000

async function statuses(from: string): Promise<readonly number[]> {
  const found = new Set<number>()
  for (let i = 0; i < calls; i++) found.add(await lab.status(from))
  return [...found]
}

function threadNames(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').trim(),
  )
}

describe('a waypoint with two workers', () => {
  test('runs on two threads', () => {
    const names = threadNames(lab.waypointPid() ?? 0)
    assert.deepEqual(names.filter((name) => name.startsWith('waypoint-')).toSorted(), [
      'waypoint-0',
      'waypoint-1',
    ])
  })

  test('holds a rule for every caller on every worker as soon as it is acknowledged', async () => {
    assert.deepEqual([await statuses('reader'), await statuses('guest')], [[200], [403]])
    lab.folder.write('books-rules.yaml', booksRules({ readers: ['guest'] }))
    await lab.settle()
    assert.deepEqual([await statuses('reader'), await statuses('guest')], [[403], [200]])
    lab.folder.write('books-rules.yaml', booksRules({ readers: ['reader'] }))
    await lab.settle()
    assert.deepEqual([await statuses('reader'), await statuses('guest')], [[200], [403]])
  })

  test('shows the requests of all callers to whoever taps it', async () => {
    const tapped = lab.folder.tulle('tap', '--to', 'books', '--count', '40', '-o', 'json')
    let isOver = false
    const ended = tapped.finally(() => (isOver = true))
    for (let i = 0; i < maxCalls && !isOver; i++) await lab.status(i % 2 === 0 ? 'reader' : 'guest')
    const { stdout, exitCode } = await ended
    assert.equal(exitCode, 0)
    const lines = stdout.trim().split('\n')
    const seen = lines.map((line) => (JSON.parse(line) as TappedRequest).identity?.split('/').at(-1))
    assert.deepEqual(new Set(seen), new Set(['guest', 'reader']))
  })
})
