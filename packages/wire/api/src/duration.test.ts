import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDurationMs } from './duration.ts'

// @see GEP-2257, Testing
const durations: readonly (readonly [string, number | undefined])[] = [
  ['0h', 0],
  ['0s', 0],
  ['0h0m0s', 0],
  ['1h', 3_600_000],
  ['30m', 1_800_000],
  ['10s', 10_000],
  ['500ms', 500],
  ['2h30m', 9_000_000],
  ['150m', 9_000_000],
  ['7230s', 7_230_000],
  ['1h30m10s', 5_410_000],
  ['10s30m1h', 5_410_000],
  ['100ms200ms300ms', 600],
  ['99999h', 359_996_400_000],
  ['', undefined],
  ['1', undefined],
  ['1m1', undefined],
  ['1h30m10s20ms50h', undefined],
  ['999999h', undefined],
  ['1.5h', undefined],
  ['-15m', undefined],
  ['1d', undefined],
  ['1us', undefined],
  [' 1s', undefined],
  ['1S', undefined],
]

for (const [text, expected] of durations) {
  test(`parseDurationMs(${JSON.stringify(text)}) is ${expected ?? 'no duration'}`, () => {
    assert.equal(parseDurationMs(text), expected)
  })
}
