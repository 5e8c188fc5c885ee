import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findProgram } from './find-program.ts'

test('findProgram() looks through PATH for what is executable', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-path-'))
  try {
    writeFileSync(join(folder, 'tool'), '')
    assert.equal(findProgram('tool', '/', `/nowhere:${folder}`), 'tool')
    chmodSync(join(folder, 'tool'), 0o755)
    assert.equal(findProgram('tool', '/', `/nowhere:${folder}`), join(folder, 'tool'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('findProgram() takes a path with a slash from the working directory', () => {
  assert.equal(findProgram('./run.sh', '/srv/app', ''), '/srv/app/run.sh')
  assert.equal(findProgram('/bin/sh', '/srv/app', ''), '/bin/sh')
})
