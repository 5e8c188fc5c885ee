import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

async function readTree(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const pairs = paths
    .toSorted()
    .map(async (path) => [path.slice(folder.length + 1), await readFile(path, 'utf8')] as const)
  return new Map(await Promise.all(pairs))
}

test('generate.sh makes exactly what is committed in src/gen', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'proto-'))
  try {
    await promisify(execFile)(join(import.meta.dirname, '../generate.sh'), [folder])
    const made = await readTree(folder)
    const committed = await readTree(join(import.meta.dirname, 'gen'))
    assert.ok(made.size >= 8, `expected all files, found ${made.size}`)
    assert.deepEqual([...made.keys()], [...committed.keys()])
    for (const [path, text] of made)
      assert.equal(text, committed.get(path), `${path}: run packages/wire/proto/generate.sh`)
  } finally {
    await rm(folder, { recursive: true })
  }
})
