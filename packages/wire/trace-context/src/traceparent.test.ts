import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRng } from '@tulle/core'
import { formatTraceparent, newTraceparent, parseTraceparent } from './traceparent.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parentId = 'b7ad6b7169203331'
const valid = `00-${traceId}-${parentId}-01`

test('parseTraceparent reads a valid one, and formatTraceparent writes it back', () => {
  const parsed = parseTraceparent(valid)
  assert.deepEqual(parsed, { traceId, parentId, flags: 1 })
  assert.ok(parsed)
  assert.equal(formatTraceparent(parsed), valid)
})

test('parseTraceparent reads a later version as far as it knows it', () => {
  assert.deepEqual(parseTraceparent(`01-${traceId}-${parentId}-03-more`), { traceId, parentId, flags: 3 })
})

const refused: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['55 characters of something else, on which an index into split parts would fall', 'x'.repeat(55)],
  ['55 dashes', '-'.repeat(55)],
  ['version ff', `ff-${traceId}-${parentId}-01`],
  ['version 00 with more', `${valid}-more`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${parentId}-01`],
  ['a parent id of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
  ['upper case', valid.toUpperCase()],
  ['a short trace id', `00-${traceId.slice(1)}-${parentId}-01`],
  ['space around it', ` ${valid}`],
  ['a line end', `${valid}\n`],
  ['too long', `01-${traceId}-${parentId}-01-${'x'.repeat(1000)}`],
]

for (const [name, header] of refused) {
  test(`parseTraceparent refuses ${name}`, () => {
    assert.equal(parseTraceparent(header), undefined)
  })
}

test('newTraceparent makes a valid id, another one each time', () => {
  const rng = seededRng(7)
  const made = Array.from({ length: 100 }, () => newTraceparent(rng))
  for (const header of made) {
    const parsed = parseTraceparent(header)
    assert.ok(parsed, header)
    assert.equal(formatTraceparent(parsed), header)
  }
  assert.equal(new Set(made).size, 100)
})

test('newTraceparent is never all zeros, nor longer than it may be', () => {
  assert.ok(parseTraceparent(newTraceparent({ next: () => 0 })))
  assert.ok(parseTraceparent(newTraceparent({ next: () => 1 - 2 ** -53 })))
})
