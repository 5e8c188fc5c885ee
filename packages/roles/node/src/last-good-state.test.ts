import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
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

test('LastGoodState gives back what was applied, without what was removed or refused', (t) => {
  const options = { folder: folderOf(t), clock: new TestClock(), log: silentLog }
  const first = new LastGoodState(options)
  first.applied(
    { typeUrl, upserts: [resource('a'), resource('b'), resource('c')], removed: [] },
    new Set(['c']),
  )
  first.applied({ typeUrl, upserts: [resource('a', 2)], removed: ['b'] }, new Set())
  first.flush()
  assert.deepEqual(new LastGoodState(options).load(), [{ typeUrl, upserts: [resource('a', 2)], removed: [] }])
})

test('LastGoodState gives back a policy that was refused, so that it is refused again, and not the one before', (t) => {
  const options = { folder: folderOf(t), clock: new TestClock(), log: silentLog }
  const first = new LastGoodState(options)
  first.applied({ typeUrl: authorizationType, upserts: [resource('p', 1)], removed: [] }, new Set())
  first.applied({ typeUrl: authorizationType, upserts: [resource('p', 2)], removed: [] }, new Set(['p']))
  first.flush()
  const [restored] = new LastGoodState(options).load()
  assert.deepEqual(restored?.upserts, [resource('p', 2)])
})

test('LastGoodState writes once for a burst of changes, readable for its owner alone', async (t) => {
  const folder = folderOf(t)
  const clock = new TestClock()
  const state = new LastGoodState({ folder, clock, log: silentLog })
  for (let i = 0; i < 100; i++)
    state.applied({ typeUrl, upserts: [resource('a', i)], removed: [] }, new Set())
  assert.equal(clock.pending, 1)
  await clock.advance(500)
  assert.equal(statSync(join(folder, 'last-good-state')).mode & 0o777, 0o600)
})

test('LastGoodState.load() starts anew where the file is broken', (t) => {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'last-good-state'), 'no such thing')
  assert.deepEqual(new LastGoodState({ folder, clock: new TestClock(), log: silentLog }).load(), [])
})
