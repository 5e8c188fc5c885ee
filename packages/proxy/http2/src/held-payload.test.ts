import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '@tulle/core'
import { HeldPayload } from './held-payload.ts'

const bytesOf = (text: string): Buffer => Buffer.from(text)

function add(held: HeldPayload, text: string): void {
  held.add(bytesOf(`<${text}>`), 1, 1 + text.length)
}

function taken(held: HeldPayload, maxBytes: number): string {
  const pieces: string[] = []
  for (let piece = held.take(maxBytes); piece !== undefined; piece = held.take(maxBytes))
    pieces.push(piece.toString())
  return pieces.join('')
}

test('HeldPayload gives out what it was given, in order, in pieces of at most so many bytes', () => {
  const held = new HeldPayload()
  add(held, 'abc')
  add(held, 'defgh')
  equal(held.bytes, 8)
  equal(held.take(2)?.toString(), 'ab')
  add(held, 'ij')
  equal(held.take(0), undefined)
  deepEqual([taken(held, 3), held.bytes, held.isEmpty], ['cdefghij', 0, true])
  add(held, 'k')
  equal(taken(held, 100), 'k')
})

test('HeldPayload keeps what it shows to be sent again', () => {
  const held = new HeldPayload()
  add(held, 'abc')
  add(held, 'x'.repeat(5000))
  equal(held.take(1)?.toString(), 'a')
  const seen: string[] = []
  held.forEach((bytes, start, end) => seen.push(bytes.toString('latin1', start, end)))
  equal(seen.join(''), `bc${'x'.repeat(5000)}`)
  equal(held.bytes, 5002)
  held.clear()
  deepEqual([held.bytes, held.memoryBytes, held.take(1)], [0, 0, undefined])
})

test('HeldPayload is a copy: the buffer that bytes came in is used again', () => {
  const held = new HeldPayload()
  const buffer = bytesOf('abc')
  held.add(buffer, 0, 3)
  buffer.fill('z')
  equal(taken(held, 10), 'abc')
})

test('HeldPayload takes hardly more memory than it has bytes, also where they come one by one', () => {
  const held = new HeldPayload()
  const byte = bytesOf('x')
  for (let count = 0; count < 100_000; count++) held.add(byte, 0, 1)
  ok(held.memoryBytes < 100_000 + 4096, `${held.memoryBytes} bytes for 100 000`)
})

test('HeldPayload gives out in order whatever is added and taken', () => {
  const rng = seededRng(5)
  const held = new HeldPayload()
  let given = ''
  let got = ''
  for (let turn = 0; turn < 3000; turn++) {
    if (rng.next() < 0.5) {
      const text = String(turn).repeat(Math.floor(rng.next() * (rng.next() < 0.1 ? 2000 : 20)))
      add(held, text)
      given += text
    } else got += held.take(Math.floor(rng.next() * 3000))?.toString() ?? ''
    equal(held.bytes, given.length - got.length)
  }
  equal(got + taken(held, 4096), given)
})
