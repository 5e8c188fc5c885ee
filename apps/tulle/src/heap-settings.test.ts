import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const script = `
import { ensureHeapSettings } from ${JSON.stringify(join(import.meta.dirname, 'heap-settings.ts'))}
ensureHeapSettings({ semiSpaceMiB: 8 })
const { pid, execArgv, argv, env } = process
console.log(JSON.stringify({ pid, execArgv, args: argv.slice(2), mine: env.MINE, arenas: env.MALLOC_ARENA_MAX }))
`

interface Told {
  readonly pid: number
  readonly execArgv: readonly string[]
  readonly args: readonly string[]
  readonly mine: string
  readonly arenas: string | undefined
}

function run(flags: readonly string[], env: Readonly<Record<string, string>>): Told {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-heap-'))
  try {
    const main = join(folder, 'main.mjs')
    writeFileSync(main, script)
    const child = spawnSync(process.execPath, [...flags, main, 'one', '--two=2 3'], {
      encoding: 'utf8',
      env: { ...env, MINE: 'kept' },
    })
    assert.equal(child.stderr, '', 'it says nothing of it')
    const told = JSON.parse(child.stdout) as Told
    assert.equal(told.pid, child.pid, 'it is the process that was started')
    assert.deepEqual(told.args, ['one', '--two=2 3'])
    assert.equal(told.mine, 'kept')
    return told
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('ensureHeapSettings() starts the process anew with a bounded young space, once, with all else as it was', () => {
  const told = run(['--no-deprecation'], {})
  assert.deepEqual(told.execArgv, ['--no-deprecation', '--max-semi-space-size=8'])
  assert.equal(told.arenas, '1')
})

test('ensureHeapSettings() leaves alone what users set for themselves', () => {
  assert.deepEqual(run(['--max-semi-space-size=32'], {}).execArgv, ['--max-semi-space-size=32'])
  assert.deepEqual(run([], { NODE_OPTIONS: '--max-semi-space-size=32' }).execArgv, [])
  assert.equal(run([], { MALLOC_ARENA_MAX: '4' }).arenas, '4')
})
