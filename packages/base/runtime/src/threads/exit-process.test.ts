import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

function exitWhileThreadIs(how: 'busy' | 'stuck'): { readonly status: number | null; readonly said: string } {
  const program = fileURLToPath(new URL('test-exit.ts', import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [program, how], { encoding: 'utf8' })
  return { status, said: stdout }
}

test('exitProcess() has a thread finish what it does in this turn, and takes its end for no failure', () => {
  assert.deepEqual(exitWhileThreadIs('busy'), { status: 7, said: 'progress 2\n' })
})

test('exitProcess() does not wait for a thread that is stuck', () => {
  assert.deepEqual(exitWhileThreadIs('stuck'), { status: 7, said: 'progress 1\n' })
})
