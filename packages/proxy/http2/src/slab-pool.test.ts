import { equal, notEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { headroomBytes, SlabPool } from './slab-pool.ts'

test('SlabPool.take gives the smallest class that fits, with headroom', () => {
  const pool = new SlabPool()
  equal(pool.take(1).length, 4096 + headroomBytes)
  equal(pool.take(4097).length, 65_536 + headroomBytes)
  equal(pool.take(262_144).length, 262_144 + headroomBytes)
  equal(pool.taken, 3)
})

test('SlabPool.give makes a slab available again', () => {
  const pool = new SlabPool()
  const slab = pool.take(100)
  pool.give(slab)
  equal(pool.taken, 0)
  equal(pool.freeBytes, 4096)
  equal(pool.take(100), slab)
  notEqual(pool.take(100), slab)
})

test('SlabPool keeps no more than its bound', () => {
  const pool = new SlabPool({ maxFreeBytesPerClass: 8192 })
  const slabs = [1, 2, 3].map(() => pool.take(4096))
  for (const slab of slabs) pool.give(slab)
  equal(pool.freeBytes, 8192)
  pool.give(pool.take(65_536))
  equal(pool.freeBytes, 8192)
})

test('SlabPool does not take in what is no slab', () => {
  const pool = new SlabPool()
  pool.give(Buffer.alloc(1000))
  equal(pool.freeBytes, 0)
})
