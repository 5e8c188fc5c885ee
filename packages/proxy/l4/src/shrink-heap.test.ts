import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cachedDataVersionTag, getHeapSpaceStatistics } from 'node:v8'
import { shrinkHeap } from './shrink-heap.ts'

const youngBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0

test('shrinkHeap gives back what the young space has grown by, and compiled code stays of use', () => {
  const tag = cachedDataVersionTag()
  // What lives for some collections makes it grow.
  const kept: object[] = []
  for (let i = 0; i < 1_000_000; i++) kept[i % 100_000] = { i }
  const grown = youngBytes()
  shrinkHeap()
  assert.ok(youngBytes() < grown / 2, `${youngBytes()} of ${grown} bytes are left`)
  assert.equal(kept.length, 100_000)
  assert.equal(cachedDataVersionTag(), tag)
})
