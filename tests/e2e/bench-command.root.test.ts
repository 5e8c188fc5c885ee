import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { BenchResult } from '../../apps/tulle/src/bench/bench-result.ts'
import { checkout } from '../support/mesh.ts'

const run = promisify(execFile)
const main = join(checkout, 'apps/tulle/src/main.ts')

const leftovers = (): readonly string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('tulle-bench-'))

test('tulle bench answers with every row, directly and through the mesh, and leaves nothing behind', async () => {
  const before = leftovers()
  const { stdout } = await run(process.execPath, [main, 'bench', '--seconds', '5', '-o', 'json'])
  const { rows } = JSON.parse(stdout) as BenchResult
  assert.deepEqual(
    rows.map(({ name }) => name.replace(/ at \d+\/s/u, '')),
    [
      'requests, 32 connections',
      'new connections, 16 at a time',
      'download, one stream',
      'latency, p50',
      'latency, p99',
    ],
  )
  for (const { name, direct, mesh, cpuUs = 0 } of rows) {
    assert.ok(direct > 0, `${name}, direct: ${direct}`)
    assert.ok(mesh > 0, `${name}, mesh: ${mesh}`)
    assert.ok(cpuUs > 0, `${name}, CPU: ${cpuUs}`)
  }
  assert.deepEqual(leftovers(), before)
})

test('tulle bench refuses a time that is too short to say anything', async () => {
  await assert.rejects(run(process.execPath, [main, 'bench', '--seconds', '1']), { code: 2 })
})
