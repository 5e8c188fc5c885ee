import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { compileCacheFolder } from './compile-cache.ts'

function inFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-cache-'))
  try {
    mkdirSync(join(folder, 'project/apps/src'), { recursive: true })
    body(join(folder, 'project'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('compileCacheFolder() lies beside the code where that is ours', () =>
  inFolder((project) => {
    mkdirSync(join(project, 'node_modules/tulle/lib'), { recursive: true })
    const expected = join(project, 'node_modules/.cache/tulle')
    assert.equal(compileCacheFolder(join(project, 'apps/src')), expected)
    assert.equal(compileCacheFolder(join(project, 'node_modules/tulle/lib')), expected)
  }))

test('compileCacheFolder() is never where others can write', () =>
  inFolder((project) => {
    mkdirSync(join(project, 'node_modules'))
    mkdirSync(join(project, 'node_modules/.cache'))
    chmodSync(join(project, 'node_modules/.cache'), 0o777)
    const folder = compileCacheFolder(join(project, 'apps/src'))
    assert.notEqual(folder, join(project, 'node_modules/.cache/tulle'))
    if (folder !== undefined) assert.equal(statSync(folder).mode & 0o022, 0)
  }))
