import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shareBytes } from './share-bytes.ts'

test('shareBytes() leaves everything as it was but where the bytes are, which is one place', () => {
  const parts = [
    { name: 'a', bytes: Buffer.from('first') },
    { name: 'b', bytes: new Uint8Array() },
    { name: 'c', bytes: Buffer.from('third') },
  ]
  const shared = shareBytes(parts)
  assert.deepEqual(
    shared.map(({ name, bytes }) => [name, Buffer.from(bytes).toString()]),
    [
      ['a', 'first'],
      ['b', ''],
      ['c', 'third'],
    ],
  )
  const places = new Set(shared.map(({ bytes }) => bytes.buffer))
  assert.equal(places.size, 1)
  assert.ok([...places][0] instanceof SharedArrayBuffer)
  assert.deepEqual(shareBytes([]), [])
})
