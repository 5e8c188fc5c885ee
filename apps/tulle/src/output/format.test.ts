import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatDuration, render } from './format.ts'

for (const [ms, text] of [
  [12.4, '12 ms'],
  [1500, '1.5 s'],
  [90_000, '2 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
] as const) {
  test(`formatDuration(${ms}) is ${text}`, () => assert.equal(formatDuration(ms), text))
}

for (const [bytes, text] of [
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [5_242_880, '5.0 MiB'],
] as const) {
  test(`formatBytes(${bytes}) is ${text}`, () => assert.equal(formatBytes(bytes), text))
}

test('render() prints data as asked, and the table only for people', async () => {
  const never = (): string => assert.fail('no table was asked for')
  assert.equal(await render('json', [{ a: 1 }], never), '[\n  {\n    "a": 1\n  }\n]')
  assert.equal(await render('yaml', [{ a: 1 }], never), '- a: 1')
  assert.equal(await render('table', [], () => 'T'), 'T')
})
