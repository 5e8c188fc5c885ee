import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogChunks } from './log-chunks.ts'

test('LogChunks fills what came back again, and keeps no more than a few', () => {
  const chunks = new LogChunks()
  const lines = Buffer.alloc(200_000, 'one ')
  const first = chunks.fill(lines)
  assert.ok(Buffer.from(first).equals(lines))
  chunks.giveBack(first.buffer)
  const shorter = Buffer.alloc(100_000, 'two ')
  const second = chunks.fill(shorter)
  assert.equal(second.buffer, first.buffer)
  assert.ok(Buffer.from(second).equals(shorter))
  assert.notEqual(chunks.fill(shorter).buffer, first.buffer, 'it is on its way')
  const back = Array.from({ length: 100 }, () => chunks.fill(lines).buffer)
  for (const buffer of back) chunks.giveBack(buffer)
  const again = Array.from({ length: 100 }, () => chunks.fill(lines).buffer)
  assert.equal(again.filter((buffer) => back.includes(buffer)).length, 4)
})

test('LogChunks takes no more memory for a few lines, or for a line that is too long, than they have', () => {
  const chunks = new LogChunks()
  for (const length of [1, 1000, 300_000]) {
    const { buffer } = chunks.fill(Buffer.alloc(length))
    assert.equal(buffer.byteLength, length)
    chunks.giveBack(buffer)
  }
  assert.equal(chunks.fill(Buffer.alloc(100_000)).buffer.byteLength, 262_144)
})
