import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock, TestClock } from '@tulle/core'
import { LogWriter } from './log-writer.ts'

/** Of its own memory: those of the pool share theirs. */
const bytesOf = (length: number): Buffer => Buffer.alloc(length)

test('case 39: LogWriter on a full disk loses its lines, counts them, and takes more', async () => {
  // Every write to it fails with ENOSPC. @see full(4)
  const fd = openSync('/dev/full', 'w')
  const lost: number[] = []
  const writer = new LogWriter({ fd, maxWaitingBytes: 1000, onDropped: (bytes) => lost.push(bytes) })
  for (const length of [10, 20]) {
    const gone = Promise.withResolvers<void>()
    writer.write(bytesOf(length), () => gone.resolve())
    await gone.promise
  }
  assert.deepEqual(lost, [10, 20])
  // Nothing of what was lost still counts as waiting.
  writer.write(bytesOf(1000))
  await writer.end(systemClock)
  assert.deepEqual(lost, [10, 20, 1000])
  closeSync(fd)
})

test('LogWriter drops what comes beyond its bound, and counts whole buffers', async () => {
  const fd = openSync('/dev/null', 'w')
  let lost = 0
  const writer = new LogWriter({ fd, maxWaitingBytes: 10, onDropped: (bytes) => (lost += bytes) })
  writer.write(bytesOf(10).subarray(0, 1))
  writer.write(bytesOf(1))
  assert.equal(lost, 1)
  await writer.end(systemClock)
  closeSync(fd)
})

test('LogWriter.end() waits until everything is written', async () => {
  const path = join(tmpdir(), `tulle-log-writer-${process.pid}`)
  const fd = openSync(path, 'w')
  const writer = new LogWriter({ fd, maxWaitingBytes: 1_000_000, onDropped: () => assert.fail('dropped') })
  for (let i = 0; i < 100; i++) writer.write(Uint8Array.from(Buffer.from(`${i}\n`)))
  await writer.end(systemClock)
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  assert.deepEqual(
    lines,
    Array.from({ length: 100 }, (_, i) => `${i}`),
  )
  rmSync(path)
  closeSync(fd)
})

test('LogWriter.end() does not wait for readers that have stopped', async () => {
  const path = join(tmpdir(), `tulle-log-writer-${process.pid}.fifo`)
  execFileSync('mkfifo', [path])
  // Opened both ways it has a reader, which reads nothing: a pipe takes 64 KiB.
  const fd = openSync(path, 'r+')
  const clock = new TestClock()
  const length = 200_000
  const writer = new LogWriter({ fd, maxWaitingBytes: length, onDropped: () => assert.fail('dropped') })
  writer.write(bytesOf(length))
  const ended = writer.end(clock)
  clock.advance(1000)
  await ended
  for (let left = length; left > 0;) left -= readSync(fd, Buffer.alloc(left))
  await writer.end(systemClock)
  closeSync(fd)
  rmSync(path)
})
