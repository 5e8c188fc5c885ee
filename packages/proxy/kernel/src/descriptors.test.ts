import assert from 'node:assert/strict'
import { test } from 'node:test'
import { descriptorLimit, isReservedFd } from './descriptors.ts'

test('descriptorLimit() is the limit of this process', () => {
  const limit = process.report.getReport()
  const { soft } = (limit as { userLimits: { open_files: { soft: number | 'unlimited' } } }).userLimits
    .open_files
  assert.equal(descriptorLimit(), soft === 'unlimited' ? Number.POSITIVE_INFINITY : soft)
})

test('case 39: isReservedFd() keeps the last 64 descriptors, or a quarter where there are few', () => {
  assert.deepEqual(
    [959, 960].map((fd) => isReservedFd(fd, 1024)),
    [false, true],
  )
  assert.deepEqual(
    [74, 75].map((fd) => isReservedFd(fd, 100)),
    [false, true],
  )
  assert.equal(isReservedFd(1_000_000, Number.POSITIVE_INFINITY), false)
})
