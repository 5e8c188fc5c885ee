import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { optionsReference } from './reference.ts'

test('docs/reference/options.md is what the option tables say', () => {
  const file = new URL('../../../docs/reference/options.md', import.meta.url)
  if (process.env['TULLE_GOLDEN'] === 'write') writeFileSync(file, optionsReference())
  assert.equal(readFileSync(file, 'utf8'), optionsReference())
})
