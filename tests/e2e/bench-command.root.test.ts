import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { BenchResult } from '../../apps/tulle/src/bench/bench-result.ts'
import { checkout } from '../support/mesh.ts'

const run = promisify(execFile)
const main = join(checkout, 'apps/tulle/src/main.ts')

test('tulle bench answers with every row, directly and through the mesh, and leaves nothing behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-bench-command-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { stdout } = await run(process.execPath, [main, 'bench', '--seconds', '5', '-o', 'json'], {
    env: { ...process.env, TMPDIR: folder },
  })
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
  const left = readdirSync(folder).filter((name) => name.startsWith('tulle-bench-'))
  assert.deepEqual(left, [])
})

test('tulle bench refuses a time that is too short to say anything', async () => {
  await assert.rejects(run(process.execPath, [main, 'bench', '--seconds', '1']), { code: 2 })
})
