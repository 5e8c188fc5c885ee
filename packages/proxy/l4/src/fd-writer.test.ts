import assert from 'node:assert/strict'
import { openSync } from 'node:fs'
import { test } from 'node:test'
import { closeFd } from '@tulle/kernel'
import { FdWriter } from './fd-writer.ts'

test('case 39: FdWriter on a full disk loses its lines, counts them, and takes more', async () => {
  // Every write to it fails with ENOSPC. @see full(4)
  const fd = openSync('/dev/full', 'w')
  const lost: number[] = []
  let told = Promise.withResolvers<void>()
  const onDropped = (bytes: number): void => {
    lost.push(bytes)
    told.resolve()
  }
  const writer = new FdWriter({ fd, maxWaitingBytes: 1000, onDropped })
  for (const length of [10, 20]) {
    told = Promise.withResolvers()
    writer.write(Buffer.alloc(length))
    await told.promise
  }
  assert.deepEqual(lost, [10, 20])
  // Nothing of what was lost still counts as waiting.
  told = Promise.withResolvers()
  writer.write(Buffer.alloc(1000))
  await told.promise
  assert.deepEqual(lost, [10, 20, 1000])
  closeFd(fd)
})

test('FdWriter drops what comes beyond its bound', () => {
  const fd = openSync('/dev/null', 'w')
  let lost = 0
  const writer = new FdWriter({ fd, maxWaitingBytes: 10, onDropped: (bytes) => (lost += bytes) })
  writer.write(Buffer.alloc(10))
  writer.write(Buffer.alloc(1))
  assert.equal(lost, 1)
})
