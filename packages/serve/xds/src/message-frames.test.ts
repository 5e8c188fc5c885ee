import assert from 'node:assert/strict'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { must } from '@tulle/core'
import fc from 'fast-check'
import { ByteBudget, MessageFrames } from './message-frames.ts'

function frame(text: string, flag: number = 0): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(text.length, 1)
  return Buffer.concat([head, Buffer.from(text, 'latin1')])
}

test('MessageFrames gives the messages whole, however they are cut on the way, and holds nothing afterwards', () => {
  const texts = fc.array(fc.string({ unit: 'binary-ascii', maxLength: 40 }), { maxLength: 6 })
  fc.assert(
    fc.property(texts, fc.infiniteStream(fc.integer({ min: 1, max: 17 })), (written, cuts) => {
      const budget = new ByteBudget(1000)
      const frames = new MessageFrames(100, budget)
      const bytes = Buffer.concat(written.map((text) => frame(text)))
      const read: string[] = []
      for (let at = 0; at < bytes.length;) {
        const length = cuts.next().value
        const found = must(frames.push(bytes.subarray(at, at + length)) as { ok: true; value: Uint8Array[] })
        read.push(...found.map((message) => Buffer.from(message).toString('latin1')))
        at += length
      }
      assert.deepEqual(read, written)
      assert.equal(budget.heldBytes, 0)
    }),
  )
})

test('MessageFrames refuses by the head alone what is too large or compressed', () => {
  const codeOf = (bytes: Buffer): status | undefined => {
    const read = new MessageFrames(100, new ByteBudget(1000)).push(bytes)
    return read.ok ? undefined : read.error.code
  }
  assert.equal(codeOf(Buffer.from([0, 0, 0, 0, 101])), status.RESOURCE_EXHAUSTED)
  assert.equal(codeOf(Buffer.from([0, 255, 255, 255, 255])), status.RESOURCE_EXHAUSTED)
  assert.equal(codeOf(Buffer.from([1, 0, 0, 0, 1])), status.UNIMPLEMENTED)
})

test('MessageFrames of all peers together hold no more than their budget, and give it back', () => {
  const budget = new ByteBudget(100)
  const half = frame('x'.repeat(90)).subarray(0, 60)
  const first = new MessageFrames(100, budget)
  assert.equal(first.push(half).ok, true)
  assert.equal(new MessageFrames(100, budget).push(half).ok, false)
  first[Symbol.dispose]()
  assert.equal(budget.heldBytes, 0)
  assert.equal(new MessageFrames(100, budget).push(half).ok, true)
})

test('MessageFrames read large messages into memory that was used before', () => {
  const large = frame('x'.repeat(200_000))
  const buffers = new Set<ArrayBufferLike>()
  for (let i = 0; i < 10; i++) {
    const frames = new MessageFrames(1 << 20, new ByteBudget(1 << 20))
    for (let at = 0; at < large.length; at += 16_384) {
      const [message] = must(
        frames.push(large.subarray(at, at + 16_384)) as { ok: true; value: Uint8Array[] },
      )
      if (message === undefined) continue
      assert.equal(message.length, 200_000)
      buffers.add(message.buffer)
    }
    frames.release()
  }
  assert.equal(buffers.size, 1)
})
