import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { runCheck } from './run-check.ts'

const folder = join(import.meta.dirname, 'testdata')
const cases = globSync('*.in', { cwd: folder }).toSorted()
const writes = process.env['TULLE_GOLDEN'] === 'write'

/** The text and the exit code, with paths as a user in the folder above would see them. */
async function show(name: string): Promise<string> {
  const path = join(folder, `${name}.in`)
  const { exitCode, text } = await runCheck({ files: [path], output: 'text', color: false, excerpts: true })
  return `${text.replaceAll(path, name)}\n\nexit code ${exitCode}\n`
}

for (const file of cases) {
  const name = basename(file, '.in')
  test(`runCheck() ${name}`, async () => {
    const golden = join(folder, `${name}.out.txt`)
    const shown = await show(name)
    if (writes) writeFileSync(golden, shown)
    assert.equal(shown, readFileSync(golden, 'utf8'))
  })
}

test('runCheck() has cases, and no output without its input', () => {
  assert.ok(cases.length >= 10)
  assert.deepEqual(
    globSync('*.out.txt', { cwd: folder })
      .map((file) => basename(file, '.out.txt'))
      .toSorted(),
    cases.map((file) => basename(file, '.in')),
  )
})
