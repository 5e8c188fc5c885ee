import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { TestClock } from '@tulle/core'
import { authorizationType } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import { silentLog } from '@tulle/runtime'
import { LastGoodState } from './last-good-state.ts'

const typeUrl = 'type.googleapis.com/istio.workload.Address'
const resource = (name: string, byte: number = 1): MeshResource => ({
  name,
  version: `v${byte}`,
  aliases: [`/${name}`],
  bytes: Uint8Array.of(byte),
})

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-state-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** The file beside the state. */
function journalOf(folder: string): string {
  const [journal = ''] = readdirSync(folder).filter((name) => name !== 'last-good-state')
  return journal
}

const applied = (upserts: readonly MeshResource[], removed: readonly string[] = []) =>
  [{ typeUrl, upserts, removed }, new Set<string>()] as const

test('LastGoodState gives back what was applied, without what was removed or refused', (t) => {
  const options = { folder: folderOf(t), clock: new TestClock(), log: silentLog }
  const first = new LastGoodState(options)
  first.applied(
    { typeUrl, upserts: [resource('a'), resource('b'), resource('c')], removed: [] },
    new Set(['c']),
  )
  first.applied(...applied([resource('a', 2)], ['b']))
  assert.deepEqual(new LastGoodState(options).load(), [{ typeUrl, upserts: [resource('a', 2)], removed: [] }])
})

test('case 39: what was said to be applied is in force after a kill in the same moment, whatever number of changes it is', (t) => {
  const options = { folder: folderOf(t), clock: new TestClock(), log: silentLog }
  const first = new LastGoodState(options)
  for (let byte = 0; byte < 10; byte++) {
    first.applied(...applied([resource('a', byte), resource(`a${byte}`, byte)], [`a${byte - 1}`]))
    const [restored] = new LastGoodState(options).load()
    assert.deepEqual(restored?.upserts, [resource('a', byte), resource(`a${byte}`, byte)])
  }
})

test('LastGoodState goes on from what it was given back', (t) => {
  const options = { folder: folderOf(t), clock: new TestClock(), log: silentLog }
  for (let byte = 0; byte < 3; byte++) {
    const next = new LastGoodState(options)
    next.load()
    next.applied(...applied([resource(`a${byte}`)]))
    next.applied(...applied([resource(`b${byte}`)], ['b0']))
  }
  const [restored] = new LastGoodState(options).load()
  const names = restored?.upserts.map(({ name }) => name)
  assert.deepEqual(names, ['a0', 'a1', 'b1', 'a2', 'b2'])
  assert.equal(readdirSync(options.folder).length, 2, 'a state and its journal')
})

test('LastGoodState gives back a policy that was refused, so that it is refused again, and not the one before', (t) => {
  const options = { folder: folderOf(t), clock: new TestClock(), log: silentLog }
  const first = new LastGoodState(options)
  first.applied({ typeUrl: authorizationType, upserts: [resource('p', 1)], removed: [] }, new Set())
  first.applied({ typeUrl: authorizationType, upserts: [resource('p', 2)], removed: [] }, new Set(['p']))
  const [restored] = new LastGoodState(options).load()
  assert.deepEqual(restored?.upserts, [resource('p', 2)])
})

test('LastGoodState writes its state once in a while, and each change behind it, readable for its owner alone', (t) => {
  const folder = folderOf(t)
  const state = new LastGoodState({ folder, clock: new TestClock(), log: silentLog })
  const bytes = new Uint8Array(10_000)
  state.applied(...applied([{ ...resource('big'), bytes }]))
  const stateFile = join(folder, 'last-good-state')
  const { ino } = statSync(stateFile)
  let writes = 0
  for (let before = ino, i = 0; i < 1000; i++) {
    state.applied(...applied([{ ...resource('big'), bytes, version: `v${i}` }]))
    const now = statSync(stateFile).ino
    if (now !== before) writes++
    before = now
  }
  assert.ok(writes >= 5 && writes <= 10, `${writes} states for 10 MB of changes`)
  for (const name of readdirSync(folder)) {
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600)
    assert.ok(statSync(join(folder, name)).size < 1_200_000, name)
  }
})

test('LastGoodState.load() leaves out a record of which a kill left a part', (t) => {
  const options = { folder: folderOf(t), clock: new TestClock(), log: silentLog }
  const first = new LastGoodState(options)
  for (const name of ['a', 'b', 'c']) first.applied(...applied([resource(name)]))
  const journal = join(options.folder, journalOf(options.folder))
  for (const [cut, names] of [
    [1, 'a b'],
    [1, 'a b'],
    [statSync(journal).size, 'a'],
  ] as const) {
    truncateSync(journal, Math.max(0, statSync(journal).size - cut))
    const [restored] = new LastGoodState(options).load()
    assert.equal(restored?.upserts.map(({ name }) => name).join(' '), names)
  }
})

for (const [what, breakIt] of [
  ['the state is broken', (folder) => writeFileSync(join(folder, 'last-good-state'), 'no such thing')],
  ['its journal is missing', (folder) => rmSync(join(folder, journalOf(folder)))],
  ['its journal is broken', (folder) => writeFileSync(join(folder, journalOf(folder)), Buffer.alloc(9))],
] as const satisfies readonly (readonly [string, (folder: string) => void])[]) {
  test(`LastGoodState.load() starts anew where ${what}: an older state may open what was closed`, (t) => {
    const options = { folder: folderOf(t), clock: new TestClock(), log: silentLog }
    const first = new LastGoodState(options)
    for (const name of ['a', 'b']) first.applied(...applied([resource(name)]))
    breakIt(options.folder)
    assert.deepEqual(new LastGoodState(options).load(), [])
  })
}

test('LastGoodState leaves the files to the process before until it is told that they are its own', (t) => {
  const options = { folder: folderOf(t), clock: new TestClock(), log: silentLog }
  const [first, second] = [
    new LastGoodState(options),
    new LastGoodState({ ...options, isKeptElsewhere: true }),
  ]
  first.applied(...applied([resource('a')]))
  second.load()
  second.applied(...applied([resource('b')]))
  first.applied(...applied([resource('c')]))
  const inForce = (): string | undefined =>
    new LastGoodState(options)
      .load()[0]
      ?.upserts.map(({ name }) => name)
      .join(' ')
  assert.equal(inForce(), 'a c', 'the one before is killed, or the one after')
  first.retire()
  second.flush()
  first.applied(...applied([resource('d')]))
  second.applied(...applied([resource('e')]))
  assert.equal(inForce(), 'a b e')
})
