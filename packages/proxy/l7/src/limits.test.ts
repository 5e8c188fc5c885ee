import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { defaultLimits } from './limits.ts'

test('the reference of limits has each of a waypoint with its default, and no other', () => {
  const page = readFileSync(new URL('../../../../docs/reference/limits.md', import.meta.url), 'utf8')
  const rows = page.matchAll(/^\| `l7\.(\w+)` +\| (\d+) +\|/gmu)
  const described = Object.fromEntries([...rows].map(([, name = '', value = '']) => [name, Number(value)]))
  assert.deepEqual(described, { ...defaultLimits })
})
