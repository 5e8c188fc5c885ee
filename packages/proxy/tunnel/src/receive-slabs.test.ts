import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordBytes, ReceiveSlabs } from './receive-slabs.ts'
import { TlsReader } from './tls-reader.ts'

type Piece = readonly [bytes: Buffer, start: number, end: number]

/** Does what Node does with `onread`: bytes land in the buffer that was asked for after the read before. */
class Reads {
  readonly pieces: Piece[] = []
  readonly slabs: ReceiveSlabs = new ReceiveSlabs()
  readonly reader: TlsReader
  readonly #view: () => Buffer
  #next: Buffer

  constructor(keep: boolean) {
    const receive = (bytes: Buffer, start: number, end: number): void => {
      this.pieces.push([bytes, start, end])
      if (keep) this.slabs.keep(bytes)
    }
    this.reader = new TlsReader(this.slabs, receive, () => true)
    this.#view = this.reader.onread.buffer
    this.#next = this.#view()
  }

  read(length: number, fill: number): void {
    this.#next.fill(fill, 0, length)
    this.reader.onread.callback(length, this.#next)
    this.#next = this.#view()
  }

  get readsIntoLanding(): boolean {
    return this.#next === this.slabs.landing
  }
}

test('a quiet session reads into the landing buffer, and what it passes on may be kept', () => {
  const reads = new Reads(true)
  for (const fill of [1, 2, 3]) {
    assert.ok(reads.readsIntoLanding)
    reads.read(100, fill)
  }
  assert.deepEqual(
    reads.pieces.map(([bytes, start, end]) => [bytes[start], bytes[end - 1], end - start]),
    [1, 2, 3].map((fill) => [fill, fill, 100]),
  )
})

test('quiet sessions share one buffer as long as nobody keeps anything', () => {
  const reads = new Reads(false)
  for (let count = 0; count < 1000; count++) reads.read(1000, 1)
  assert.equal(new Set(reads.pieces.map(([bytes]) => bytes)).size, 1)
  assert.equal(reads.slabs.kept, 0)
})

test('records of a session in bulk lie side by side, so that several of them are one piece', () => {
  const reads = new Reads(true)
  for (let fill = 1; fill <= 5; fill++) reads.read(recordBytes, fill)
  const [, ...bulk] = reads.pieces
  for (const [index, [bytes, start, end]] of bulk.entries()) {
    assert.equal(bytes, bulk[0]?.[0])
    assert.equal(start, index * recordBytes)
    assert.equal(end, start + recordBytes)
    assert.equal(bytes[start], index + 2)
  }
})

test('a slab that somebody keeps is not read into again before it was released', () => {
  const reads = new Reads(true)
  for (let fill = 1; fill <= 100; fill++) reads.read(recordBytes, fill)
  assert.deepEqual(
    reads.pieces.map(([bytes, start]) => bytes[start]),
    Array.from({ length: 100 }, (_, index) => index + 1),
  )
  assert.equal(reads.slabs.kept, 100)
  const buffers = new Set(reads.pieces.map(([bytes]) => bytes))
  for (const [bytes] of reads.pieces) reads.slabs.release(bytes)
  assert.equal(reads.slabs.kept, 0)
  for (let count = 0; count < 100; count++) reads.read(recordBytes, 7)
  const again = reads.pieces.slice(100).filter(([bytes]) => buffers.has(bytes))
  assert.ok(again.length > 50, `${again.length} of 100 reads went into a buffer that had been released`)
})

test('a session gives its slab back with the first small record, and when it closes', () => {
  const reads = new Reads(false)
  reads.read(recordBytes, 1)
  assert.equal(reads.readsIntoLanding, false)
  reads.read(100, 1)
  assert.ok(reads.readsIntoLanding, 'idle again, it owns nothing')
  reads.read(recordBytes, 1)
  reads.reader.close()
  reads.read(recordBytes, 1)
  assert.ok(reads.readsIntoLanding, 'a closed session takes no slab')
})
