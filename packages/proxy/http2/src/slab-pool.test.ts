import { equal, notEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { headroomBytes, slabClassBytes, SlabPool } from './slab-pool.ts'

test('SlabPool.take gives the smallest class that fits, with headroom', () => {
  const pool = new SlabPool()
  const [small, medium, large] = slabClassBytes
  equal(pool.take(1).length, small + headroomBytes)
  equal(pool.take(small + 1).length, medium + headroomBytes)
  equal(pool.take(large).length, large + headroomBytes)
  equal(pool.taken, 3)
})

test('a full slab with its frame header is a whole number of TLS records', () => {
  const pool = new SlabPool()
  for (const payloadBytes of slabClassBytes.slice(1)) equal(pool.take(payloadBytes).length % 16_384, 0)
})

test('SlabPool.give makes a slab available again', () => {
  const pool = new SlabPool()
  const slab = pool.take(100)
  pool.give(slab)
  equal(pool.taken, 0)
  equal(pool.freeBytes, slabClassBytes[0])
  equal(pool.take(100), slab)
  notEqual(pool.take(100), slab)
})

test('SlabPool keeps no more than its bound', () => {
  const [small, medium] = slabClassBytes
  const pool = new SlabPool({ maxFreeBytesPerClass: 2 * small })
  const slabs = [1, 2, 3].map(() => pool.take(small))
  for (const slab of slabs) pool.give(slab)
  equal(pool.freeBytes, 2 * small)
  pool.give(pool.take(medium))
  equal(pool.freeBytes, 2 * small)
})

test('SlabPool does not take in what is no slab', () => {
  const pool = new SlabPool()
  pool.give(Buffer.alloc(1000))
  equal(pool.freeBytes, 0)
})

test('SlabPool.trim lets go of what nobody needed since the last time, and of nothing else', () => {
  const pool = new SlabPool()
  const [, medium] = slabClassBytes
  const burst = Array.from({ length: 8 }, () => pool.take(medium))
  for (const slab of burst) pool.give(slab)
  pool.trim()
  equal(pool.freeBytes, 8 * medium)
  for (let round = 0; round < 3; round++) {
    const used = [pool.take(medium), pool.take(medium)]
    for (const slab of used) pool.give(slab)
  }
  pool.trim()
  equal(pool.freeBytes, 2 * medium)
  pool.trim()
  equal(pool.freeBytes, 0)
  equal(pool.taken, 0)
})
