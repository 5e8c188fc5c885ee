import { deepEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { defaultLimits } from './limits.ts'

test('the reference of limits has each of HTTP/1.1 with its default, and no other', () => {
  const page = readFileSync(new URL('../../../../docs/reference/limits.md', import.meta.url), 'utf8')
  const described = (group: string): Record<string, number> => {
    const rows = page.matchAll(new RegExp(`^\\| \`${group}\\.(\\w+)\` +\\| (\\d+) +\\|`, 'gmu'))
    return Object.fromEntries([...rows].map(([, name = '', value = '']) => [name, Number(value)]))
  }
  deepEqual(described('http1'), { ...defaultLimits })
})
