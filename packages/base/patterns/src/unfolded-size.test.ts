import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unfoldedSize } from './unfolded-size.ts'

const sizes: readonly (readonly [source: string, size: number])[] = [
  ['', 0],
  ['abc', 3],
  ['ab{3}', 4],
  ['(ab){3}c', 7],
  ['((ab){3}c){10}', 70],
  ['a{2,5}', 5],
  ['a{7,}', 7],
  ['a{0}', 0],
  ['a{x}', 4],
  ['[]a-z]{3}', 3],
  ['[^]]{3}', 3],
  [String.raw`[\]]{3}`, 3],
  ['[[:alpha:]x]{3}', 3],
  [String.raw`\pL{3}`, 3],
  [String.raw`\p{Greek}{3}`, 3],
  [String.raw`\x{41}{3}`, 3],
  [String.raw`\d{3}`, 3],
  [String.raw`\Qa{1000}{1000}\E{3}`, 3],
  ['(?:ab){3}', 6],
  ['(?P<x>ab){3}', 6],
  ['(?i)ab{3}', 4],
  ['(((', 0],
  [')))', 0],
  ['[', 1],
  ['a{1000}'.repeat(100), 100_000],
]

for (const [source, size] of sizes) {
  test(`unfoldedSize() of ${JSON.stringify(source.slice(0, 30))} is ${size}`, () => {
    assert.equal(unfoldedSize(source), size)
  })
}
